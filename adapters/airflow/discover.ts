/** DAGs that people put into Airflow: what can be referred to. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import type { DiscoverRequest, DiscoveredPage, EngineParameter, EngineWorkflow } from '../spi/discovery.js';
import { EngineError, unlessAbsent } from '../spi/engine-error.js';
import { garbage, readCount, readList, readObject, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { AirflowClient } from './airflow-client.js';
import { isOwnDag, referencedDag } from './dag-name.js';
import { query } from './dialect.js';

/** Airflow gives no more in one page. */
const PAGE = 100;

export async function discoverDags(
  client: AirflowClient,
  { reference, cursor }: DiscoverRequest,
  ctx: CallContext,
): Promise<DiscoveredPage> {
  if (reference !== undefined) return { workflows: await discoverOne(client, reference, ctx) };
  const offset = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new EngineError('rejected', 'the cursor is not one of this list');
  }
  const answer = readObject(
    await client.get(`/dags${query({ limit: PAGE, offset, order_by: 'dag_id' })}`, ctx),
    'the list of DAGs',
  );
  const dags = readList(answer['dags'], 'dags').map((dag) => readObject(dag, 'a DAG'));
  const next = offset + dags.length;
  const isLast = dags.length === 0 || next >= readCount(answer['total_entries'], 'total_entries');
  return { workflows: dags.flatMap(offered), ...(isLast ? {} : { nextCursor: String(next) }) };
}

/** The list of DAGs leaves the params out: they are read DAG by DAG. */
async function discoverOne(client: AirflowClient, reference: string, ctx: CallContext): Promise<EngineWorkflow[]> {
  const dagId = referencedDag(reference);
  if (dagId === undefined) return [];
  const answer = await unlessAbsent(client.get(`/dags/${encodeURIComponent(dagId)}/details`, ctx));
  if (answer === undefined) return [];
  const dag = readObject(answer, 'the DAG');
  if (dag['dag_id'] !== dagId) throw garbage(`another DAG than ${dagId}`);
  // Airflow keeps what it knew of a DAG whose file is gone.
  if (dag['is_stale'] === true || dag['is_active'] === false) return [];
  return offered(dag).map((workflow) => ({ ...workflow, parameters: parametersOf(dag) }));
}

/** Nothing for a DAG that some Signalbox wrote. */
function offered(dag: JsonObject): EngineWorkflow[] {
  const name = readText(dag['dag_id'], 'dag_id');
  if (isOwnDag(name)) return [];
  const { description } = dag;
  const tags = readList(dag['tags'] ?? [], 'tags').map((tag) => readText(readObject(tag, 'a tag')['name'], 'a tag'));
  return [
    {
      reference: name,
      otherReferences: [],
      name,
      labels: [...new Set(tags)].sort().map((value) => ({ key: 'tag', value })),
      ...(typeof description === 'string' && description !== '' ? { description } : {}),
      ...(dag['is_paused'] === true ? { paused: true } : {}),
      ...(dag['has_import_errors'] === true ? { obstacle: 'Airflow cannot import its file.' } : {}),
    },
  ];
}

/** `{value, schema, description}` of each; Airflow 3 writes a value that is not given as null, like one that is null. */
export function parametersOf(dag: JsonObject): EngineParameter[] {
  const { params } = dag;
  if (params === null || params === undefined) return [];
  return Object.entries(readObject(params, 'params')).map(([name, told]) => {
    const param = readObject(told, 'a param');
    const schema = objectOr(param['schema']);
    const { description } = param;
    const value: Json = param['value'] ?? null;
    const withDescription = typeof description === 'string' && description !== '' ? { ...schema, description } : schema;
    if (value !== null) return { name, schema: withDescription, default: value, required: false };
    return { name, schema: withDescription, required: !takesNull(schema) };
  });
}

/** Without a type anything is taken, null too. */
function takesNull({ type }: JsonObject): boolean {
  return type === undefined || type === 'null' || (Array.isArray(type) && type.includes('null'));
}

function objectOr(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
