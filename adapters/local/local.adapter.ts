import { join } from 'node:path';
import { toTaskGraph } from '../../definition/task-graph.js';
import type {
  CallContext,
  CancelOutcome,
  EngineAdapter,
  FindOutcome,
  LogPage,
  LogRequest,
  Marker,
  Registration,
  RetryOutcome,
  Submission,
  SubmitOutcome,
  WorkflowVersion,
} from '../spi/engine-adapter.js';
import { defineAdapter } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { EngineHost } from '../spi/engine-kind.js';
import type { ExecutionRef, Observation } from '../spi/facts.js';
import { PARTS, attemptFolder } from './attempt-folder.js';
import { callDatabase } from './call-database.js';
import type { LocalNode } from './local-node.js';
import { nodeFolder, readNodeId } from './local-node.js';
import { emptyPage, readLogPage } from './log-page.js';
import { readDefinition } from './read-definition.js';
import { retryScope, retryTaskScope } from './retry-scope.js';
import type { RetryScope } from './retry-store.js';
import { beginRound } from './retry-store.js';
import { WHOLE } from './run-model.js';
import type { Requested, RunRow } from './run-store.js';
import {
  forgetRuns,
  insertRun,
  listRuns,
  readAttemptPlace,
  readEpoch,
  readRuns,
  readTaskRuns,
  requestCancel,
  requestPause,
  requestTaskCancel,
} from './run-store.js';
import { toObservation } from './to-observation.js';

/** Names of folders are made of it. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** A row is only removed when its run is deleted for ever, so the memory of keys that may come again has no end. */
const DEDUPE_HORIZON_MS = 100 * 365 * 86_400_000;

interface TaskName {
  task: string;
  mapIndex?: number;
}

/** `node`: the owner in this process; without one the verbs still work, they are rows that the owner finds. */
export function localAdapter(host: EngineHost, node: LocalNode | undefined): EngineAdapter {
  const { database, engineName } = host;
  const folder = nodeFolder(host.dataDir, engineName);

  const readOne = async (key: string): Promise<RunRow | undefined> => (await readRuns(database, engineName, [key]))[0];

  const beginAgain = (
    ref: ExecutionRef,
    baseline: string,
    scope: RetryScope,
    ctx: CallContext,
  ): Promise<RetryOutcome> =>
    callDatabase(ctx, 'unknown', async () => {
      const outcome = await beginRound(database, engineName, ref.key, baseline, scope);
      node?.wake();
      return outcome;
    });

  const request = (ctx: CallContext, write: () => Promise<Requested>): Promise<CancelOutcome> =>
    callDatabase(ctx, 'unknown', async () => {
      const outcome = await write();
      node?.wake();
      return { outcome };
    });

  const hold = async (ref: ExecutionRef, wanted: boolean, ctx: CallContext): Promise<void> => {
    const { outcome } = await request(ctx, () => requestPause(database, engineName, ref.key, wanted));
    if (outcome === 'absent') throw new EngineError('not-found', `The local engine has no run ${ref.key}.`);
  };

  return defineAdapter(
    'local',
    {
      verbs: {
        retry: 'native',
        retryTask: 'native',
        cancelTask: 'native',
        pause: 'native',
        resume: 'native',
        list: 'native',
        hints: 'native',
        forget: 'native',
        // Its definitions are copied into each run: it has none of its own.
        discover: 'none',
        listBorn: 'none',
      },
      registers: 'at-once',
      dedupeHorizonMs: DEDUPE_HORIZON_MS,
      retryKind: 'in-place',
      formats: ['signalbox/v1'],
      pageSize: 1000,
    },
    {
      ping: (ctx) =>
        callDatabase(ctx, 'unavailable', async () => {
          await readEpoch(database, engineName);
          const detail = node === undefined ? 'another process starts its tasks' : 'this process starts its tasks';
          return { version: `node ${process.versions.node}`, detail };
        }),

      validate: async (definition) => {
        const read = readDefinition(definition);
        const { diagnostics } = read;
        return read.ok ? { diagnostics, graph: toTaskGraph(read.definition) } : { diagnostics };
      },

      register: async (workflow): Promise<Registration> => {
        const read = readDefinition(workflow.definition);
        return read.ok ? { state: 'READY' } : { state: 'FAILED', diagnostics: read.diagnostics };
      },

      // A definition is copied into each run; there is nothing to take away.
      retire: async () => undefined,

      describe: async (workflow) => toTaskGraph(definitionOf(workflow)),

      submit: (submission, ctx) =>
        callDatabase(ctx, 'unknown', async () => {
          await insertRun(database, toNewRun(engineName, submission, ctx));
          node?.wake();
          const row = await readOne(submission.marker.key);
          if (row === undefined) throw new EngineError('unknown', 'A run that was just stored cannot be read.');
          return toSubmitOutcome(row, submission.marker);
        }),

      find: (ref, marker, ctx) =>
        callDatabase(ctx, 'unavailable', async (): Promise<FindOutcome> => {
          const row = await readOne(ref.key);
          if (row === undefined) return { outcome: 'absent' };
          const outcome = toSubmitOutcome(row, marker);
          return outcome.outcome === 'accepted' ? { ...outcome, outcome: 'found' } : outcome;
        }),

      observe: (ref, ctx) =>
        callDatabase(ctx, 'unavailable', async (): Promise<Observation> => {
          // The run before its tasks: a final run is then never shown with tasks from before its end.
          const row = await readOne(ref.key);
          if (row === undefined) return { presence: 'absent', key: ref.key };
          return toObservation(row, await readTaskRuns(database, row.id));
        }),

      observeMany: (refs, ctx) =>
        callDatabase(ctx, 'unavailable', async () => {
          const keys = refs.map((ref) => ref.key);
          const rows = new Map((await readRuns(database, engineName, keys)).map((row) => [row.key, row]));
          return keys.map((key): Observation => {
            const row = rows.get(key);
            // Its own table, read whole: what is not there is absent for certain.
            return row === undefined ? { presence: 'absent', key } : toObservation(row);
          });
        }),

      sentinel: (ctx) =>
        callDatabase(ctx, 'unavailable', async () => {
          const epoch = await readEpoch(database, engineName);
          return epoch === undefined ? { state: 'missing' } : { state: 'present', epoch };
        }),

      cancel: (ref, mode, ctx) => request(ctx, () => requestCancel(database, engineName, ref.key, mode)),

      cancelTask: (ref, { task, mapIndex = WHOLE }: TaskName, ctx) =>
        request(ctx, () => requestTaskCancel(database, engineName, ref.key, task, mapIndex)),

      pause: (ref, ctx) => hold(ref, true, ctx),
      resume: (ref, ctx) => hold(ref, false, ctx),

      retry: (ref, baseline, ctx) => beginAgain(ref, baseline, retryScope, ctx),

      retryTask: (ref, { task, mapIndex = WHOLE }: TaskName, baseline, ctx) =>
        beginAgain(
          ref,
          baseline,
          (definition, taskRuns) => retryTaskScope(definition, taskRuns, { task, mapIndex }),
          ctx,
        ),

      logs: (request, ctx) => callDatabase(ctx, 'unavailable', () => readLogs(host, folder, request)),

      forget: (refs, ctx) =>
        callDatabase(ctx, 'unavailable', async () => {
          const keys = refs.map((ref) => ref.key);
          await forgetRuns(database, engineName, keys);
          node?.tidy();
        }),

      list: ({ since, cursor }, ctx) =>
        callDatabase(ctx, 'unavailable', () => listRuns(database, engineName, since, cursor)),

      hints: (listener) => node?.onChange(listener) ?? (() => undefined),

      close: async () => node?.close(),
    },
  );
}

async function readLogs(host: EngineHost, folder: string, request: LogRequest): Promise<LogPage> {
  const { cursor, limitBytes, task, mapIndex = WHOLE, attempt } = request;
  const name = { key: request.ref.key, task, mapIndex, attempt };
  const place = await readAttemptPlace(host.database, host.engineName, name);
  if (place === undefined) return emptyPage('none', { end: true, reason: `there is no attempt ${attempt} of ${task}` });
  if (place.node_id !== readNodeId(folder)) {
    return emptyPage('none', { nextCursor: cursor ?? '0', reason: 'the log lies on another node' });
  }
  return readLogPage(join(attemptFolder(folder, name), PARTS.log), cursor, limitBytes, place.ended);
}

function toNewRun(engine: string, submission: Submission, ctx: CallContext): Parameters<typeof insertRun>[1] {
  const { marker } = submission;
  if (!KEY.test(marker.key)) throw new EngineError('rejected', 'The run key holds characters that no folder may have.');
  const definition = definitionOf(submission.workflow);
  return {
    engine,
    marker,
    workflowRunId: submission.runId,
    traceparent: ctx.traceparent,
    definition: JSON.stringify(definition),
    parameters: JSON.stringify(submission.parameters),
    tasks: definition.tasks.map((task) => task.id),
  };
}

function toSubmitOutcome(row: RunRow, marker: Marker): SubmitOutcome {
  if (row.installation_id === marker.installationId && row.content_digest === marker.contentDigest) {
    return { outcome: 'accepted', externalId: row.key };
  }
  return { outcome: 'conflict', message: `The key ${row.key} belongs to a run with another marker or content.` };
}

function definitionOf(
  workflow: WorkflowVersion,
): Extract<ReturnType<typeof readDefinition>, { ok: true }>['definition'] {
  const read = readDefinition(workflow.definition);
  if (read.ok) return read.definition;
  const first = read.diagnostics.find(({ severity }) => severity === 'error');
  throw new EngineError('rejected', first?.message ?? 'The local engine does not execute this definition.');
}
