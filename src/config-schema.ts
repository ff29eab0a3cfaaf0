/** Every key of the configuration: name, kind, bounds, default, meaning. README's table is generated from it. */
import type { Config } from './config.js';
import { LOG_LEVELS } from './platform/log-level.js';

interface Bounds {
  min: number;
  max: number;
}

type Kind =
  | ({ kind: 'duration' } & Bounds)
  | ({ kind: 'integer'; unit: string } & Bounds)
  | { kind: 'choice'; choices: readonly string[] }
  | { kind: 'string' }
  | { kind: 'path' }
  /** A URL that may carry a password: a Secret, and `<NAME>_FILE` may hold its path. */
  | { kind: 'url'; protocols: readonly string[] };

export type ConfigEntry = Kind & {
  /** Of the environment variable. */
  name: string;
  field: keyof Config;
  /** As it would be written in the environment; absent = not set. */
  default?: string;
  meaning: string;
};

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const CONFIG_SCHEMA: readonly ConfigEntry[] = [
  { name: 'HOST', field: 'host', kind: 'string', default: '127.0.0.1', meaning: 'address the API listens on' },
  integer('PORT', 'port', '8380', [0, 65_535], '', 'port the API listens on; 0 takes a free one'),
  {
    name: 'DATABASE_URL',
    field: 'databaseUrl',
    kind: 'url',
    protocols: ['postgres:', 'postgresql:'],
    meaning:
      'PostgreSQL to keep the record in; without it Signalbox runs one of its own below `DATA_DIR`, which `api` and `worker` do not',
  },
  integer(
    'DATABASE_POOL_SIZE',
    'databasePoolSize',
    '16',
    [2, 500],
    'connections',
    'connections of one process, at most',
  ),
  duration(
    'DATABASE_ACQUIRE_TIMEOUT',
    'databaseAcquireTimeoutMs',
    '800ms',
    [10, MINUTE],
    'how long a request waits for a free connection before it is answered 503',
  ),
  {
    name: 'DATA_DIR',
    field: 'dataDir',
    kind: 'path',
    default: '.signalbox',
    meaning: 'folder of the embedded database and of the local engine',
  },
  {
    name: 'ENGINES_FILE',
    field: 'enginesFile',
    kind: 'path',
    meaning: 'YAML file that names the workflow engines; without it there is one, `local`',
  },
  {
    name: 'LOG_LEVEL',
    field: 'logLevel',
    kind: 'choice',
    choices: LOG_LEVELS,
    default: 'info',
    meaning: 'least severe log line that is written',
  },
  duration(
    'DRAIN_TIMEOUT',
    'drainTimeoutMs',
    '20s',
    [0, HOUR],
    'how long a stopping process waits for requests and engine calls under way',
  ),
  duration('REQUEST_TIMEOUT', 'requestTimeoutMs', '15s', [100, HOUR], 'a request has to have arrived whole within it'),
  duration(
    'RECONCILE_INTERVAL',
    'reconcileIntervalMs',
    '15s',
    [100, DAY],
    'time between two reconciliations of an engine',
  ),
  duration(
    'ORPHAN_INTERVAL',
    'orphanIntervalMs',
    '5m',
    [100, DAY],
    'time between two looks for executions on an engine that no run knows',
  ),
  duration(
    'REFRESH_MAX_AGE',
    'refreshMaxAgeMs',
    '1s',
    [0, HOUR],
    'an active run that was observed longer ago is refreshed when it is read',
  ),
  duration(
    'REFRESH_TIMEOUT',
    'refreshTimeoutMs',
    '2s',
    [1, MINUTE],
    'after it a read answers with the stored row and `stale: true`',
  ),
  duration(
    'TASK_REFRESH_INTERVAL',
    'taskRefreshIntervalMs',
    '30s',
    [100, DAY],
    'age at which the task runs of an active run are observed again',
  ),
  duration(
    'POLL_INTERVAL',
    'pollIntervalMs',
    '1s',
    [10, MINUTE],
    'how often a worker looks for runs that are due, beside being woken',
  ),
  duration(
    'LEASE',
    'leaseMs',
    '15s',
    [100, HOUR],
    'for how long a worker owns a run it drives; longer than `ENGINE_TIMEOUT`',
  ),
  integer(
    'ENGINE_SLOTS',
    'engineSlots',
    '16',
    [1, 1_000],
    'calls',
    'calls under way at one engine from one process, at most',
  ),
  duration(
    'ENGINE_TIMEOUT',
    'engineTimeoutMs',
    '10s',
    [10, 10 * MINUTE],
    'one call of an engine; a page deep in a log may take six times as long',
  ),
  duration(
    'ENGINE_MISSING_GRACE',
    'engineMissingGraceMs',
    '5m',
    [0, 30 * DAY],
    'a run that an engine positively no longer has ends FAILED `engine-run-missing` after it, CANCELLED if that was asked for',
  ),
  duration(
    'SUBMIT_GRACE',
    'submitGraceMs',
    '1m',
    [0, DAY],
    'after a submit of unknown outcome the engine is asked for at least this long before the run is given up',
  ),
  duration(
    'CANCEL_GRACE',
    'cancelGraceMs',
    '1m',
    [0, DAY],
    'a cancel that is not confirmed within it is overdue, and forced where the engine can',
  ),
  duration(
    'STUCK_AFTER',
    'stuckAfterMs',
    '10m',
    [100, 30 * DAY],
    'a run that its engine accepted and has not started for so long is said to be `stuck`',
  ),
  duration(
    'RETRY_DRAIN_GRACE',
    'retryDrainGraceMs',
    '1m',
    [0, DAY],
    'how long a retry waits for live tasks of the generation before',
  ),
  duration(
    'TASK_SETTLE',
    'taskSettleMs',
    '1m',
    [0, DAY],
    'how long task runs may still be corrected after their run has ended',
  ),
  duration(
    'REGISTER_TIMEOUT',
    'registerTimeoutMs',
    '10m',
    [100, 7 * DAY],
    'a workflow the engine has not described within it is FAILED `registration-failed`',
  ),
  integer(
    'MAX_STREAMS_PER_PROJECT',
    'maxStreamsPerProject',
    '200',
    [1, 100_000],
    'streams',
    'event streams and long polls of one project in one process; more are answered 429',
  ),
  duration(
    'IDEMPOTENCY_RETENTION',
    'idempotencyRetentionMs',
    '7d',
    [MINUTE, 365 * DAY],
    'how long the answer to an Idempotency-Key is kept',
  ),
  duration(
    'RUN_RETENTION',
    'runRetentionMs',
    '0',
    [0, 3650 * DAY],
    'a run that ended longer ago is deleted, on its engine too where that can; 0 keeps runs for ever',
  ),
];

type Range = readonly [min: number, max: number];

function duration(name: string, field: keyof Config, preset: string, range: Range, meaning: string): ConfigEntry {
  return { kind: 'duration', name, field, default: preset, min: range[0], max: range[1], meaning };
}

function integer(
  name: string,
  field: keyof Config,
  preset: string,
  range: Range,
  unit: string,
  meaning: string,
): ConfigEntry {
  return { kind: 'integer', name, field, default: preset, min: range[0], max: range[1], unit, meaning };
}
