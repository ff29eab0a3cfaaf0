import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineHost } from '../spi/engine-kind.js';
import { applyStep } from './apply-step.js';
import { PARTS, createExclusively, makeFolder } from './attempt-folder.js';
import { AttemptWatch } from './attempt-watch.js';
import type { WatchedAttempt } from './attempt-watch.js';
import { lockDirectory } from './data-directory-lock.js';
import type { DirectoryLock } from './data-directory-lock.js';
import type { AttemptEvent } from './decide-run.js';
import { decideRun } from './decide-run.js';
import { removeLeftFolders } from './left-folders.js';
import type { LocalOptions } from './local-options.js';
import type { NodeOwner } from './node-lease.js';
import { RENEW_MS, releaseLease, renewLease, takeLease } from './node-lease.js';
import { ownIdentity } from './process-identity.js';
import { RunQueue } from './run-queue.js';
import type { LocalRun } from './run-model.js';
import { isFinalPhase } from './run-model.js';
import type { OpenAttempt, Step } from './step-store.js';
import { loadRun, markSeen, pollRuns, readActiveRuns, writeStep } from './step-store.js';
import { toAttemptSpec } from './to-attempt-spec.js';

/** Intents written by other processes are seen at the latest then. */
const POLL_MS = 1_000;
/** After an error, mostly the database's, a run is looked at again. */
const AGAIN_MS = 1_000;
/** Files of runs that another process had forgotten are removed at the latest then. */
const TIDY_MS = 60_000;
const LONGEST_TIMER_MS = 2_147_483_647;

/** Where the files of an engine lie below DATA_DIR. */
export function nodeFolder(dataDir: string, engineName: string): string {
  return join(dataDir, 'local', engineName);
}

/** Undefined when no node has ever been here. */
export function readNodeId(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'node'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The owner of a data directory: takes runs, decides their next steps, and has them carried out. What it keeps in memory
 * is a copy of rows that only it writes; after any error the copy is thrown away and read again.
 */
export class LocalNode {
  readonly #host: EngineHost;
  readonly #options: LocalOptions;
  readonly #maxRuns: number;
  readonly #owner: NodeOwner;
  readonly #folder: string;
  readonly #lock: DirectoryLock;
  readonly #watch: AttemptWatch;
  readonly #queue = new RunQueue((id) => this.#advance(id));
  readonly #runs = new Map<number, LocalRun>();
  readonly #events = new Map<number, AttemptEvent[]>();
  readonly #alarms = new Map<number, NodeJS.Timeout>();
  /** Runs that wait for a slot, the longest waiting first: slots go round. */
  readonly #hungry = new Set<number>();
  readonly #listeners = new Set<(key: string) => void>();
  readonly #timers: NodeJS.Timeout[] = [];
  #reserved = 0;
  #tidying: Promise<void> | undefined;
  #polling: Promise<void> | undefined;
  #pollAgain = false;
  #closed = false;

  private constructor(
    host: EngineHost,
    options: LocalOptions,
    maxRuns: number,
    folder: string,
    owner: NodeOwner,
    lock: DirectoryLock,
  ) {
    this.#host = host;
    this.#options = options;
    this.#maxRuns = maxRuns;
    this.#owner = owner;
    this.#folder = folder;
    this.#lock = lock;
    this.#watch = new AttemptWatch({
      nodeFolder: folder,
      terminateGraceMs: options.terminateGraceMs,
      outputLimitBytes: options.outputLimitBytes,
      log: host.log,
      kill: (point) => host.kill?.(point),
      onStarted: (attempt, at) => this.#note(attempt, { event: 'started', at }),
      onEnded: (attempt, ending) => {
        this.#note(attempt, { event: 'ended', ending });
        this.#feed();
      },
    });
  }

  /** Takes the directory and goes on with what it finds. Throws `DataDirectoryInUse`. */
  static async open(host: EngineHost, options: LocalOptions, maxRuns: number): Promise<LocalNode> {
    const folder = nodeFolder(host.dataDir, host.engineName);
    const lock = lockDirectory(folder);
    try {
      createExclusively(join(folder, 'node'), `node-${randomUUID()}`);
      makeFolder(join(folder, 'runs'));
      const nodeId = readNodeId(folder) ?? '';
      const owner = { nodeId, engine: host.engineName, token: randomUUID(), identity: ownIdentity() };
      await takeLease(host.database, owner, folder);
      const node = new LocalNode(host, options, maxRuns, folder, owner, lock);
      await node.#begin();
      return node;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Somebody in this process wrote an intent: it need not wait for the poll. */
  wake(): void {
    if (this.#closed) return;
    this.#pollAgain = true;
    this.#polling ??= this.#pollUntilQuiet();
  }

  /** Runs were forgotten: what they left on the disk is removed. */
  tidy(): void {
    if (this.#closed) return;
    this.#tidying ??= removeLeftFolders(this.#host.database, this.#owner.nodeId, this.#folder, this.#host.log)
      .catch((error: unknown) => {
        this.#host.log.warn({ error: String(error) }, 'files of forgotten runs are left');
      })
      .finally(() => (this.#tidying = undefined));
  }

  onChange(listener: (key: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Starts nothing any more and gives the directory back. Tasks go on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#stopWorking();
    await this.#polling;
    await this.#tidying;
    await this.#queue.close();
    await releaseLease(this.#host.database, this.#owner).catch((error: unknown) => {
      this.#host.log.warn({ error: String(error) }, 'the lease of the node could not be given back');
    });
    this.#lock.release();
  }

  async #begin(): Promise<void> {
    for (const id of await readActiveRuns(this.#host.database, this.#owner)) this.#queue.add(id);
    this.#timers.push(
      setInterval(() => this.wake(), POLL_MS),
      setInterval(() => void this.#renew(), RENEW_MS),
      setInterval(() => this.tidy(), TIDY_MS),
    );
    this.wake();
    this.tidy();
  }

  async #renew(): Promise<void> {
    try {
      if (this.#closed || (await renewLease(this.#host.database, this.#owner))) return;
      this.#lose();
    } catch (error) {
      this.#host.log.warn({ error: String(error) }, 'the lease of the node could not be renewed');
    }
  }

  /** Another process owns the node now: whatever this one would do next is not its business any more. */
  #lose(): void {
    if (this.#closed) return;
    this.#host.log.error({ node: this.#owner.nodeId }, 'another process has taken this node, this one stops executing');
    this.#stopWorking();
  }

  #stopWorking(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const alarm of this.#alarms.values()) clearTimeout(alarm);
    this.#watch.close();
  }

  async #pollUntilQuiet(): Promise<void> {
    while (this.#pollAgain && !this.#closed) {
      this.#pollAgain = false;
      try {
        await this.#poll();
      } catch (error) {
        this.#host.log.warn({ error: String(error) }, 'the local engine cannot read its intents');
      }
    }
    this.#polling = undefined;
  }

  async #poll(): Promise<void> {
    const room = Math.max(0, this.#maxRuns - this.#runs.size);
    const { wanted, claimed } = await pollRuns(this.#host.database, this.#owner, room);
    for (const id of wanted) {
      this.#runs.delete(id);
      this.#queue.add(id);
    }
    for (const id of claimed) this.#queue.add(id);
  }

  #note(
    attempt: WatchedAttempt,
    event: { event: 'started'; at: Date } | Pick<AttemptEvent & { event: 'ended' }, 'event' | 'ending'>,
  ): void {
    const { runId, task, mapIndex, attempt: number } = attempt;
    const events = this.#events.get(runId) ?? [];
    events.push({ task, mapIndex, attempt: number, ...event });
    this.#events.set(runId, events);
    this.#queue.add(runId);
  }

  #hasEnded(id: number, open: OpenAttempt): boolean {
    return (this.#events.get(id) ?? []).some(
      ({ event, task, mapIndex, attempt }) =>
        event === 'ended' && task === open.task && mapIndex === open.map_index && attempt === open.attempt,
    );
  }

  async #advance(id: number): Promise<void> {
    try {
      await this.#step(id);
    } catch (error) {
      this.#host.log.warn({ local_run: id, error: String(error) }, 'a run could not be advanced, it is read again');
      this.#runs.delete(id);
      this.#hungry.delete(id);
      // What came in meanwhile is told with the next look: at once, it would be refused at once.
      this.#queue.drop(id);
      this.#alarm(id, AGAIN_MS);
    }
    this.#feed();
  }

  async #step(id: number): Promise<void> {
    const before = this.#runs.get(id) ?? (await this.#load(id));
    if (before === undefined || this.#closed) return;
    const events = this.#events.get(id) ?? [];
    this.#events.delete(id);
    const { step, stops, hungry, idle, wakeAt } = decideRun(before, events, this.#grant(id), new Date());
    if (hungry) this.#hungry.add(id);
    const after = step === undefined ? before : await this.#write(before, step, events);
    if (after === undefined) return;
    for (const stop of stops) this.#watch.stop({ key: after.key, ...stop }, stop.mode);
    if (isFinalPhase(after.phase)) return this.#forget(id);
    if (wakeAt !== undefined) this.#alarm(id, wakeAt.getTime() - Date.now());
    // It takes no room while it waits: its alarm or an intent reads it again.
    if (idle) this.#runs.delete(id);
  }

  /** Undefined when the run has ended, or its row was deleted: then nobody wants its tasks any more. */
  async #load(id: number): Promise<LocalRun | undefined> {
    const loaded = await loadRun(this.#host.database, this.#owner, id);
    if (loaded === undefined) {
      this.#watch.stopRun(id);
      this.#forget(id);
      return undefined;
    }
    const { run, open, unseen } = loaded;
    if (unseen) await markSeen(this.#host.database, this.#owner, id, run.intentSeq);
    if (isFinalPhase(run.phase)) {
      this.#forget(id);
      return undefined;
    }
    this.#runs.set(id, run);
    for (const attempt of open) {
      // Its end is known and still to be written down: judged again, it would be told twice.
      if (!this.#hasEnded(id, attempt)) this.#care(run, attempt);
    }
    return run;
  }

  async #write(before: LocalRun, step: Step, events: AttemptEvent[]): Promise<LocalRun | undefined> {
    this.#reserved += step.created.length;
    try {
      this.#host.kill?.('local:before-step');
      if (!(await writeStep(this.#host.database, this.#owner, before, step))) {
        if (!(await renewLease(this.#host.database, this.#owner))) this.#lose();
        else throw new Error('the row of the run is gone');
        return undefined;
      }
      this.#host.kill?.('local:after-step');
    } catch (error) {
      // Whether it was written or not: what happened to attempts is still to be told.
      this.#events.set(before.id, [...events, ...(this.#events.get(before.id) ?? [])]);
      throw error;
    } finally {
      this.#reserved -= step.created.length;
    }
    const after = applyStep(before, step);
    // An intent that was read meanwhile has taken the copy away on purpose.
    if (this.#runs.get(before.id) === before) this.#runs.set(before.id, after);
    if (!this.#closed) {
      for (const { task, mapIndex, attempt } of step.created) {
        this.#care(after, { task, map_index: mapIndex, attempt, started: false });
      }
    }
    for (const listener of this.#listeners) listener(after.key);
    return after;
  }

  #care(run: LocalRun, { task: id, map_index: mapIndex, attempt, started }: OpenAttempt): void {
    const task = run.definition.tasks.find((candidate) => candidate.id === id);
    const row = run.tasks.find((candidate) => candidate.task === id && candidate.mapIndex === mapIndex);
    if (task === undefined || row === undefined) return;
    const marker = `${this.#owner.nodeId}/${run.key}/${id}.${mapIndex}/${attempt}`;
    this.#watch.add({
      runId: run.id,
      started,
      marker,
      key: run.key,
      task: id,
      mapIndex,
      attempt,
      outputs: task.outputs,
      prepare: (folder) =>
        toAttemptSpec(run, task, row, {
          taskFolder: join(folder, PARTS.task),
          marker,
          host: process.env,
          options: this.#options,
        }),
    });
  }

  /** While others wait, a run gets a slot only when it is its turn, and then one. */
  #grant(id: number): number {
    const free = Math.max(0, this.#options.maxTasks - this.#watch.count - this.#reserved);
    const [first] = this.#hungry;
    const othersWait = this.#hungry.size > (this.#hungry.has(id) ? 1 : 0);
    if (!othersWait) {
      this.#hungry.delete(id);
      return free;
    }
    if (first !== id) return 0;
    this.#hungry.delete(id);
    return Math.min(1, free);
  }

  #feed(): void {
    const [first] = this.#hungry;
    if (first !== undefined && this.#watch.count + this.#reserved < this.#options.maxTasks) this.#queue.add(first);
  }

  #alarm(id: number, delayMs: number): void {
    clearTimeout(this.#alarms.get(id));
    if (this.#closed) return;
    const ring = (): void => {
      this.#alarms.delete(id);
      this.#queue.add(id);
    };
    this.#alarms.set(id, setTimeout(ring, Math.min(Math.max(delayMs, 0) + 1, LONGEST_TIMER_MS)));
  }

  #forget(id: number): void {
    this.#runs.delete(id);
    this.#events.delete(id);
    this.#hungry.delete(id);
    clearTimeout(this.#alarms.get(id));
    this.#alarms.delete(id);
  }
}
