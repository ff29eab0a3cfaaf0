import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Json } from '../../definition/definition-types.js';
import type { CallContext, EngineAdapter, LogRequest, OptionalVerbs, Submission } from '../spi/engine-adapter.js';
import type { DatabaseHandle, EngineHost, EngineKind, EngineLog } from '../spi/engine-kind.js';
import type { ExecutionRef, PresentExecution, TaskRunFacts } from '../spi/facts.js';
import { localEngine } from './local.engine-kind.js';

const PATIENCE_MS = 30_000;

export const silent: EngineLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export interface TestEngine {
  adapter: EngineAdapter & OptionalVerbs;
  dataDir: string;
  submit(text: string, parameters?: Record<string, Json>, key?: string): Promise<string>;
  observe(key: string): Promise<PresentExecution>;
  /** Resolves with the first observation that satisfies `condition`. */
  until(key: string, condition: (seen: PresentExecution) => boolean): Promise<PresentExecution>;
  untilFinal(key: string): Promise<PresentExecution>;
  log(key: string, task: string, rest?: Partial<LogRequest>): Promise<string>;
}

export async function startEngine(
  database: DatabaseHandle,
  host: Partial<EngineHost> = {},
  options: Record<string, unknown> = {},
  create: EngineKind['create'] = (parsed, whole) => localEngine.create(parsed, whole),
): Promise<TestEngine> {
  const dataDir = host.dataDir ?? temporaryFolder();
  const whole: EngineHost = {
    engineName: 'local',
    installationId: 'installation',
    log: silent,
    database,
    executes: true,
    ...host,
    dataDir,
  };
  const adapter = (await create({ terminateGrace: '2s', ...options }, whole)) as EngineAdapter & OptionalVerbs;
  const observe = async (key: string): Promise<PresentExecution> => {
    const seen = await adapter.observe(refOf(key), callContext());
    if (seen.presence !== 'present') throw new Error(`the run ${key} is ${seen.presence}`);
    return seen;
  };
  const until = async (key: string, condition: (seen: PresentExecution) => boolean): Promise<PresentExecution> => {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const changed = nextHint(adapter, key);
      const seen = await observe(key);
      if (condition(seen)) {
        changed.cancel();
        return seen;
      }
      if (Date.now() > deadline) throw new Error(`waited in vain; last seen: ${JSON.stringify(seen, null, 1)}`);
      await changed.promise;
    }
  };
  return {
    adapter,
    dataDir,
    observe,
    until,
    untilFinal: (key) =>
      until(key, ({ phase }) => phase === 'succeeded' || phase === 'failed' || phase === 'cancelled'),
    submit: async (text, parameters = {}, key = newKey()) => {
      const outcome = await adapter.submit(submission(text, parameters, key), callContext());
      if (outcome.outcome !== 'accepted') throw new Error(outcome.message);
      return key;
    },
    log: async (key, task, rest = {}) => {
      const page = await adapter.logs(
        { ref: refOf(key), task, attempt: 1, limitBytes: 1024 * 1024, ...rest },
        callContext(),
      );
      return readAll(page.chunks);
    },
  };
}

const folders: string[] = [];

/** Removed by `removeFolders`, which a test file calls at its end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-local-'));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A database for the tests of a file, from the first to the last; the folders of their engines go with it. */
export function databaseOfThisFile(): () => DatabaseHandle {
  let opened: TestDatabase | undefined;
  beforeAll(async () => {
    opened = await createTestDatabase();
  });
  afterAll(async () => {
    await opened?.drop();
    removeFolders();
  });
  return () => {
    if (!opened) throw new Error('a database is there while a test runs');
    return opened.database;
  };
}

export function newKey(): string {
  return `sb-${randomBytes(13).toString('hex')}-g1`;
}

export function refOf(key: string): ExecutionRef {
  return { key, workflow: { id: '1', title: 'w', version: 1 }, externalId: key };
}

export function callContext(timeoutMs = 10_000): CallContext {
  return {
    signal: AbortSignal.timeout(timeoutMs),
    timeoutMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
}

export function submission(text: string, parameters: Record<string, Json>, key: string, digest = 'digest'): Submission {
  return {
    ref: refOf(key),
    marker: { installationId: 'installation', key, contentDigest: digest },
    workflow: {
      id: '1',
      project: 'default',
      title: 'w',
      version: 1,
      definition: { format: 'signalbox/v1', text },
      digest: 'digest',
    },
    parameters,
    labels: [],
    runId: 'run-7',
  };
}

/** A definition from the part below the header. */
export function workflow(body: object): string {
  return JSON.stringify({ apiVersion: 'signalbox/v1', kind: 'Workflow', name: 'w', ...body });
}

export function taskRun(seen: PresentExecution, task: string, mapIndex?: number): TaskRunFacts {
  const found = seen.taskRuns?.find((row) => row.task === task && row.mapIndex === mapIndex);
  if (found === undefined) throw new Error(`no task run ${task}[${mapIndex ?? ''}]`);
  return found;
}

export function states(seen: PresentExecution): Record<string, string> {
  return Object.fromEntries(
    (seen.taskRuns ?? []).map((row) => [
      row.mapIndex === undefined ? row.task : `${row.task}.${row.mapIndex}`,
      row.state,
    ]),
  );
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  // Copied: a chunk holds until the next one is asked for.
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts).toString('utf8');
}

/** Pids of living processes whose environment holds this text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The next change of a run, or a quarter of a second: hints may be lost, and come from the owning process only. */
function nextHint(adapter: OptionalVerbs, key: string): { promise: Promise<void>; cancel: () => void } {
  let cancel = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    const off = adapter.hints((changed) => {
      if (changed === key) cancel();
    });
    const timer = setTimeout(() => cancel(), 250);
    cancel = () => {
      clearTimeout(timer);
      off();
      resolve();
    };
  });
  return { promise, cancel: () => cancel() };
}

function ignore(): void {
  // A log that nobody reads.
}
