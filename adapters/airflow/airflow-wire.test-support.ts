/** The network before a real Airflow, and what an engine must be told for cases that no network can arrange. */
import type { Harness, Verb, Wire } from '../conformance/harness.js';
import { INSTALLATION_ID, callContext, workflowVersion } from '../conformance/world.js';
import { readList, readObject, readText } from '../spi/http/read-answer.js';
import { startCanary } from '../../test/support/canary.js';
import { HttpWire } from '../../test/support/http-wire.js';
import { AirflowClient } from './airflow-client.js';
import type { AirflowOptions } from './airflow-options.js';
import { ownDag } from './dag-name.js';
import { confOf } from './marks.js';
import { RUN_WORDS } from './to-run.js';

const DAG = '/dags/[^/~]+';
const RUN = `${DAG}/dagRuns/[^/?]+`;

/** Each verb by the request in which it does its work; `many` is the list that `observeMany` reads. */
function routes(prefix: string, many: { method: string; path: string }) {
  const paths: Partial<Record<Verb, [method: string, path: string]>> = {
    ping: ['GET', '/version'],
    register: ['GET', DAG],
    describe: ['GET', `${DAG}/tasks`],
    submit: ['POST', `${DAG}/dagRuns`],
    find: ['GET', RUN],
    observe: ['GET', RUN],
    observeMany: [many.method, many.path],
    sentinel: ['GET', '/variables/[^/]+'],
    cancel: ['PATCH', RUN],
    logs: ['GET', `${RUN}/taskInstances/[^/]+/logs/\\d+`],
    retry: ['POST', `${DAG}/clearTaskInstances`],
    retryTask: ['POST', `${DAG}/clearTaskInstances`],
    list: ['GET', '/dags/~/dagRuns'],
    forget: ['DELETE', RUN],
    discover: ['GET', '/dags'],
    listBorn: ['POST', '/dags/~/dagRuns/list'],
  };
  return (verb: Verb): { method: string; path: RegExp } | undefined => {
    const found = paths[verb];
    return found && { method: found[0], path: new RegExp(`^${prefix}${found[1]}(\\?.*)?$`) };
  };
}

export interface AirflowWire {
  wire: Wire;
  /** Address of Airflow through the wire. */
  url: string;
  close(): Promise<void>;
}

/** `harness` is asked when a case needs it: it is made of this wire. */
export async function airflowWire(options: AirflowOptions, harness: () => Harness): Promise<AirflowWire> {
  const client = new AirflowClient(options);
  const { dialect } = await client.version(callContext());
  const is3 = dialect.prefix === '/api/v2';
  const many = is3 ? { method: 'GET', path: `${DAG}/dagRuns` } : { method: 'POST', path: '/dags/~/dagRuns/list' };
  const network = await HttpWire.start(options.url, routes(dialect.prefix, many));
  const canary = await startCanary();
  const shown = new Map<string, string>();
  network.rewrite = ({ path }, body) => withShownWords(path, body, shown);

  return {
    url: network.url,
    close: async () => {
      client.close();
      await network.close();
      await canary.close();
    },
    wire: {
      break: async (verb, fault) => network.break(verb, fault),
      down: () => network.down(),
      heal: () => network.heal(),
      calls: async (verb) => network.calls(verb),
      executions: async (key) => (await dagsWith(client, key)).size,
      plantForeign: async (key) => {
        const workflow = workflowVersion(harness(), 'linear', 'conformance linear', 1);
        const marker = { installationId: 'another-installation', key, contentDigest: 'theirs' };
        const trigger = dialect.triggerBody({ runId: key, conf: confOf({}, marker, '1'), note: 'planted' });
        await client.post(`/dags/${ownDag(INSTALLATION_ID, workflow)}/dagRuns`, trigger, callContext());
      },
      words: RUN_WORDS,
      show: async ({ key }, word) => void shown.set(key, word),
      canary,
    },
  };
}

/** DAGs that have a run under this id: Airflow has one for each. */
async function dagsWith(client: AirflowClient, runId: string): Promise<Set<string>> {
  const body = { dag_run_ids: [runId], page_limit: 1000 };
  const answer = await client.post('/dags/~/dagRuns/~/taskInstances/list', body, callContext());
  const instances = readList(readObject(answer, 'the answer')['task_instances'], 'task_instances');
  return new Set(instances.map((one) => readText(readObject(one, 'an instance')['dag_id'], 'dag_id')));
}

/** Lets runs bear words that Airflow would not show when a case wants it to. */
function withShownWords(path: string, body: string, shown: ReadonlyMap<string, string>): string {
  if (shown.size === 0 || !path.includes('/dagRuns')) return body;
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return body;
  }
  const runs = (answer as { dag_runs?: unknown } | null)?.dag_runs;
  for (const run of Array.isArray(runs) ? (runs as unknown[]) : [answer]) {
    const { dag_run_id: key } = (run ?? {}) as { dag_run_id?: unknown };
    const word = typeof key === 'string' ? shown.get(key) : undefined;
    if (word !== undefined && 'run_type' in (run as object)) (run as { state: string }).state = word;
  }
  return JSON.stringify(answer);
}
