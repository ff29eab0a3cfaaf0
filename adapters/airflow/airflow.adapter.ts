/** One adapter for Airflow 2 and 3: what the versions do differently is the dialect's. */
import { randomUUID } from 'node:crypto';
import { defineAdapter } from '../spi/engine-adapter.js';
import type {
  CallContext,
  EngineAdapter,
  ExecutionPage,
  FindOutcome,
  ListRequest,
  ListedExecution,
  Marker,
  Sentinel,
  Submission,
  SubmitOutcome,
  WorkflowVersion,
} from '../spi/engine-adapter.js';
import { EngineError, unlessAbsent } from '../spi/engine-error.js';
import type { EngineHost } from '../spi/engine-kind.js';
import type { ExecutionRef } from '../spi/facts.js';
import { garbage, readCount, readList, readObject, readText } from '../spi/http/read-answer.js';
import { AirflowClient, CONNECTIONS } from './airflow-client.js';
import type { AirflowOptions } from './airflow-options.js';
import { AirflowRuns } from './airflow-runs.js';
import { dagOf, externalIdOf } from './dag-name.js';
import { listBornRuns } from './born-runs.js';
import { runPath } from './dialect.js';
import { discoverDags } from './discover.js';
import { readLogPage } from './log-page.js';
import { MARKER_KEY, compiledConf, confOf, hasKey, isSameMarker } from './marks.js';
import { hasEnded, observe, observeMany } from './observe.js';
import { AirflowRegistration, compiledDefinition, readDag } from './registration.js';
import { AirflowSteering } from './steer.js';
import { readRunOf, readRuns } from './to-run.js';

/** Executions one `observeMany` asks for in one call. */
const PAGE = 100;

export function airflowAdapter(options: AirflowOptions, host: Pick<EngineHost, 'installationId'>): EngineAdapter {
  const { installationId } = host;
  const client = new AirflowClient(options);
  const runs = new AirflowRuns(client, installationId);
  const registration = new AirflowRegistration(client, installationId, options.dagsFolder);
  const steering = new AirflowSteering(runs);
  const sentinelKey = `signalbox-${installationId}`;
  let sentinelSeen = false;

  async function find(ref: ExecutionRef, marker: Marker, ctx: CallContext): Promise<FindOutcome> {
    const run = await runs.read(ref, ctx);
    if (!run) return { outcome: 'absent' };
    if (!isSameMarker(run.marker, marker)) {
      // A run tells its conf, if only that it has none: without it nobody knows whose it is.
      if (typeof run.json['conf'] !== 'object') throw garbage('a run without its conf');
      const owner = run.marker === undefined ? 'nobody of Signalbox' : `installation ${run.marker.installationId}`;
      return {
        outcome: 'conflict',
        message: `the run ${run.runId} of ${run.dagId} is of ${owner}, or of other content`,
      };
    }
    return { outcome: 'found', ...(await identity(run.dagId, run.runId, ctx)) };
  }

  async function identity(
    dagId: string,
    runId: string,
    ctx: CallContext,
  ): Promise<{ externalId: string; engineUrl: string }> {
    const { dialect } = await client.version(ctx);
    return { externalId: externalIdOf(dagId, runId), engineUrl: client.pageUrl(dialect.runPage(dagId, runId)) };
  }

  async function submit(
    { ref, marker, workflow, parameters, runId }: Submission,
    ctx: CallContext,
  ): Promise<SubmitOutcome> {
    const dagId = dagOf(installationId, workflow);
    const { dialect } = await client.version(ctx);
    if (Object.hasOwn(parameters, MARKER_KEY)) throw new EngineError('rejected', `no parameter can be ${MARKER_KEY}`);
    const compiled = workflow.definition.format === 'signalbox/v1';
    const obstacle = compiled ? undefined : dialect.cannotCarry(parameters);
    if (obstacle !== undefined) throw new EngineError('rejected', obstacle);
    const { traceparent } = ctx;
    const body = dialect.triggerBody({
      runId: ref.key,
      conf: compiled
        ? compiledConf({ parameters, traceparent, timeoutMs: timeoutIn(workflow) }, marker, runId)
        : confOf(parameters, marker, runId),
      note: `Signalbox run ${runId}: ${workflow.title} version ${workflow.version}`,
    });
    const bytes = Buffer.byteLength(JSON.stringify(body));
    if (bytes > dialect.triggerLimitBytes) {
      throw new EngineError('rejected', `parameters of ${bytes} bytes: Airflow takes ${dialect.triggerLimitBytes}`);
    }
    try {
      const run = readRunOf(await client.post(`/dags/${encodeURIComponent(dagId)}/dagRuns`, body, ctx), dagId, ref.key);
      if (!isSameMarker(run.marker, marker)) throw garbage('a run with another marker than was sent');
      return { outcome: 'accepted', ...(await identity(dagId, ref.key, ctx)) };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code === 'conflict') return whoseConflict(await find(ref, marker, ctx).catch(asUnknown), error);
      // Airflow 3 calls a DAG that it cannot run not found, Airflow 2 refuses it.
      if (error.code === 'not-found' || error.code === 'rejected') throw await unlessRunnable(workflow, error, ctx);
      throw error;
    }
  }

  /** A DAG that is not there, or broken, can be mended: the run waits for it. A file of ours that is gone is written again. */
  async function unlessRunnable(
    workflow: WorkflowVersion,
    refusal: EngineError,
    ctx: CallContext,
  ): Promise<EngineError> {
    const dagId = dagOf(installationId, workflow);
    const { dialect } = await client.version(ctx);
    const dag = await unlessAbsent(readDag(client, dagId, ctx)).catch(() => undefined);
    if (dag && dialect.isParsed(dag) && refusal.code === 'rejected') return refusal;
    if (workflow.definition.format !== 'reference') await registration.register(workflow, ctx).catch(() => undefined);
    return new EngineError('unavailable', `Airflow cannot run ${dagId} now: ${refusal.message}`, { cause: refusal });
  }

  async function sentinel(ctx: CallContext): Promise<Sentinel> {
    const path = `/variables/${encodeURIComponent(sentinelKey)}`;
    let answer = await unlessAbsent(client.get(path, ctx));
    if (answer === undefined) {
      if (sentinelSeen) return { state: 'missing' };
      const description = 'Written by Signalbox to know this Airflow again. Leave it as it is.';
      await client
        .post('/variables', { key: sentinelKey, value: randomUUID(), description }, ctx)
        // Another process may write it first: what counts is what is read back.
        .catch(unlessConflict);
      answer = await client.get(path, ctx);
    }
    const variable = readObject(answer, 'the sentinel');
    if (variable['key'] !== sentinelKey) throw garbage('another variable than the sentinel');
    const epoch = readText(variable['value'], 'value');
    sentinelSeen = true;
    return { state: 'present', epoch };
  }

  async function list({ since, cursor }: ListRequest, ctx: CallContext): Promise<ExecutionPage> {
    const { dialect } = await client.version(ctx);
    const offset = cursor === undefined ? 0 : Number(cursor);
    if (!Number.isSafeInteger(offset)) throw new EngineError('rejected', 'the cursor is not one of this list');
    const answer = readObject(await client.get(dialect.runsSincePath(since, offset), ctx), 'the list of runs');
    const rows = readList(answer['dag_runs'], 'dag_runs').length;
    const runs = readRuns(answer);
    const executions = runs.flatMap((run): ListedExecution[] => {
      if (!hasKey(run.runId)) return [];
      const { dagId, runId, state, marker } = run;
      return [
        {
          key: runId,
          externalId: externalIdOf(dagId, runId),
          installationId: marker?.installationId ?? '',
          engineState: state,
          createdAt: dialect.createdAt(run),
        },
      ];
    });
    const isLast = rows === 0 || offset + rows >= readCount(answer['total_entries'], 'total_entries');
    const last = runs.at(-1);
    return {
      executions,
      ...(last ? { readUntil: dialect.createdAt(last) } : {}),
      ...(isLast ? {} : { nextCursor: String(offset + rows) }),
    };
  }

  return defineAdapter(
    'airflow',
    {
      verbs: {
        retry: 'native',
        retryTask: 'native',
        cancelTask: 'native',
        pause: 'none',
        resume: 'none',
        list: 'native',
        hints: 'none',
        forget: 'native',
        discover: 'native',
        listBorn: 'native',
      },
      registers: 'later',
      dedupeHorizonMs: options.dedupeHorizonMs,
      retryKind: 'in-place',
      formats: options.dagsFolder === undefined ? ['reference'] : ['native', 'reference', 'signalbox/v1'],
      pageSize: PAGE,
      callsAtOnce: CONNECTIONS,
    },
    {
      ping: async (ctx) => {
        const { version, dialect } = await client.probe(ctx);
        // The version and the health are told to anybody: this one asks for a login.
        readObject(await client.get('/dags?limit=1', ctx), 'the DAGs');
        const health = readObject(await client.get(dialect.healthPath, ctx), 'the health');
        return { version, detail: healthText(health) };
      },
      validate: (definition, ctx) => registration.validate(definition, ctx),
      register: (workflow, ctx) => registration.register(workflow, ctx),
      retire: (workflow) => registration.retire(workflow),
      describe: (workflow, ctx) => registration.describe(workflow, ctx),
      submit,
      find,
      observe: (ref, ctx) => observe(runs, ref, ctx),
      observeMany: (refs, ctx) => observeMany(runs, refs, ctx),
      sentinel,
      cancel: (ref, mode, ctx) => steering.cancel(ref, mode, ctx),
      cancelTask: (ref, task, ctx) => steering.cancelTask(ref, task, ctx),
      retry: (ref, baseline, ctx) => steering.retry(ref, baseline, ctx),
      retryTask: (ref, task, baseline, ctx) => steering.retryTask(ref, task, baseline, ctx),
      logs: (request, ctx) => readLogPage(runs, request, ctx),
      list,
      discover: (request, ctx) => discoverDags(client, request, ctx),
      listBorn: (request, ctx) => listBornRuns(client, request, ctx),
      forget: async (refs, ctx) => {
        for (const ref of refs) {
          const run = await runs.read(ref, ctx);
          if (run && hasEnded(run)) await unlessAbsent(client.delete(runPath(run.dagId, run.runId), ctx));
        }
      },
      close: async () => client.close(),
    },
  );
}

function whoseConflict(found: FindOutcome, refusal: EngineError): SubmitOutcome {
  if (found.outcome === 'found') return { ...found, outcome: 'accepted' };
  if (found.outcome === 'conflict') return found;
  // Refused for a reason that is not our key: a clash of dates on Airflow 2.
  throw refusal;
}

/** After a refused duplicate the look-up decides; without it nobody knows whose the key is. */
function asUnknown(cause: unknown): never {
  throw new EngineError('unknown', 'the key is taken and its owner could not be read', { cause });
}

function unlessConflict(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== 'conflict') throw error;
}

function timeoutIn({ definition }: WorkflowVersion): number | undefined {
  return compiledDefinition(definition.text).timeoutMs;
}

/**
 * `scheduler healthy, triggerer not running`: what is not healthy is for people to see, the calls tell what works. What has no
 * status is no part of Airflow.
 */
function healthText(health: Record<string, unknown>): string {
  return Object.entries(health)
    .flatMap(([part, told]) => {
      if (typeof told !== 'object' || told === null || !('status' in told)) return [];
      return [`${part} ${typeof told.status === 'string' ? told.status : 'not running'}`];
    })
    .join(', ');
}
