import type { ChildProcess } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, OutputDeclaration } from '../../definition/definition-types.js';
import type { CancelMode } from '../spi/engine-adapter.js';
import type { EngineLog } from '../spi/engine-kind.js';
import type { Failure } from '../spi/facts.js';
import type { AttemptName, AttemptSpec } from './attempt-folder.js';
import type { StartRecord } from './record-shapes.js';
import {
  PARTS,
  attemptFolder,
  hasStarted,
  makeFolder,
  readClaim,
  readComplaints,
  readExit,
  readStart,
  sinceBeat,
  voidClaim,
  writeStop,
} from './attempt-folder.js';
import { signalProcess, stopProcesses } from './attempt-processes.js';
import type { AttemptEvidence } from './judge-attempt.js';
import { judgeAttempt } from './judge-attempt.js';
import { launchSupervisor } from './launch-supervisor.js';
import { readOutputs } from './output-files.js';
import type { ProcessIdentity } from './process-identity.js';
import { lifeOf, nobody } from './process-identity.js';
import type { AttemptEnding } from './run-model.js';

/** An open attempt of this node. */
export interface WatchedAttempt extends AttemptName {
  runId: number;
  /** User code had begun when the attempt was last written down. */
  started: boolean;
  /** In the environment of its processes. */
  marker: string;
  outputs: Readonly<Record<string, OutputDeclaration>>;
  /** What its supervisor is to be told, and the task's manifest; asked for when it has to be started. */
  prepare(folder: string): { spec: AttemptSpec; manifest: object };
}

export interface WatchSettings {
  nodeFolder: string;
  terminateGraceMs: number;
  outputLimitBytes: number;
  log: EngineLog;
  kill: (point: string) => void;
  onStarted(attempt: WatchedAttempt, startedAt: Date): void;
  onEnded(attempt: WatchedAttempt, ending: AttemptEnding): void;
}

interface Entry {
  attempt: WatchedAttempt;
  folder: string;
  child: ChildProcess | undefined;
  childRunning: boolean;
  launched: boolean;
  /** As they were seen first: the task may put others in their place. */
  claim: ProcessIdentity | undefined;
  start: StartRecord | undefined;
  stop: { mode: CancelMode; overdueAt: number; overruled: boolean } | undefined;
  /** A verdict is being carried out. */
  settling: boolean;
}

/** Supervisors that were not started by this process are only seen by looking. */
const SWEEP_MS = 250;
/** A supervisor that was told to stop and has not ended by then is overruled. */
const STOP_MARGIN_MS = 5_000;

/** Starts, adopts, stops and judges the attempts of one node. Each is reported as ended exactly once. */
export class AttemptWatch {
  readonly #settings: WatchSettings;
  readonly #entries = new Map<string, Entry>();
  readonly #timer: NodeJS.Timeout;

  constructor(settings: WatchSettings) {
    this.#settings = settings;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  get count(): number {
    return this.#entries.size;
  }

  /**
   * From here on the attempt is this owner's care. New or found again after a restart, it is the same to it: what the
   * folder says decides whether a supervisor has to be started.
   */
  add(attempt: WatchedAttempt): void {
    const id = identify(attempt);
    if (this.#entries.has(id)) return;
    const entry: Entry = {
      attempt,
      folder: attemptFolder(this.#settings.nodeFolder, attempt),
      child: undefined,
      childRunning: false,
      launched: false,
      claim: undefined,
      start: undefined,
      stop: undefined,
      settling: false,
    };
    this.#entries.set(id, entry);
    this.#look(entry);
  }

  /** Repeatable; force overrules graceful. */
  stop(name: AttemptName, mode: CancelMode): void {
    const entry = this.#entries.get(identify(name));
    if (entry === undefined || entry.stop?.mode === 'force' || entry.stop?.mode === mode) return;
    const graceMs = mode === 'force' ? 0 : this.#settings.terminateGraceMs;
    entry.stop = { mode, overdueAt: performance.now() + graceMs + STOP_MARGIN_MS, overruled: false };
    try {
      makeFolder(entry.folder);
      writeStop(entry.folder, mode);
      const start = entry.start ?? readStart(entry.folder);
      if (start !== undefined) signalProcess(start.supervisor, mode === 'force' ? 'SIGUSR2' : 'SIGTERM');
    } catch (error) {
      // Asked again by the next decision.
      entry.stop = undefined;
      this.#settings.log.warn({ ...describe(name), error: String(error) }, 'an attempt could not be told to stop');
    }
    this.#look(entry);
  }

  /** Ends all that is left of a run. */
  stopRun(runId: number): void {
    for (const { attempt } of [...this.#entries.values()]) if (attempt.runId === runId) this.stop(attempt, 'force');
  }

  /** Tasks go on, nobody watches them. */
  close(): void {
    clearInterval(this.#timer);
    for (const entry of this.#entries.values()) entry.child?.removeAllListeners('exit');
    this.#entries.clear();
  }

  #sweep(): void {
    for (const entry of [...this.#entries.values()]) {
      // A supervisor of our own that runs its task tells us by ending.
      if (entry.childRunning && entry.start !== undefined && entry.stop === undefined) continue;
      this.#look(entry);
    }
  }

  #look(entry: Entry): void {
    if (entry.settling || this.#entries.get(identify(entry.attempt)) !== entry) return;
    try {
      this.#act(entry);
    } catch (error) {
      // Looked at again by the next sweep: a full disk passes.
      this.#settings.log.warn(
        { ...describe(entry.attempt), error: String(error) },
        'an attempt could not be looked at',
      );
    }
  }

  #act(entry: Entry): void {
    const { folder } = entry;
    const evidence = gather(entry);
    switch (judgeAttempt(evidence, entry.launched || entry.stop !== undefined)) {
      case 'wait':
        this.#reportStart(entry, evidence);
        if (entry.stop !== undefined && performance.now() > entry.stop.overdueAt) this.#overrule(entry, entry.stop);
        return;
      case 'launch':
        return this.#launch(entry);
      case 'void':
        // It was there when the supervisor was started: whoever took it away may have been the task.
        if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return this.#bury(entry);
        if (voidClaim(folder)) this.#end(entry, neverRan(folder));
        return;
      case 'never-ran':
        return this.#end(entry, neverRan(folder));
      case 'ended':
        return this.#end(entry, this.#readEnding(entry, evidence));
      case 'lost':
        return this.#bury(entry);
    }
  }

  #reportStart(entry: Entry, evidence: AttemptEvidence): void {
    if (entry.start !== undefined || !evidence.started) return;
    const start = readStart(entry.folder);
    if (start === undefined) return;
    entry.start = start;
    this.#settings.onStarted(entry.attempt, new Date(start.startedAt));
  }

  #launch(entry: Entry): void {
    makeFolder(entry.folder);
    const { spec, manifest } = entry.attempt.prepare(entry.folder);
    this.#settings.kill('local:before-spawn');
    const child = launchSupervisor(entry.folder, spec, manifest);
    entry.launched = true;
    entry.childRunning = true;
    entry.child = child;
    const ended = (): void => {
      entry.childRunning = false;
      this.#look(entry);
    };
    child.once('exit', ended);
    child.once('error', ended);
    child.unref();
    this.#settings.kill('local:after-spawn');
  }

  #readEnding(entry: Entry, { exit }: AttemptEvidence): AttemptEnding {
    if (exit === undefined) throw new Error('an attempt was judged ended without an exit record');
    const read: Partial<{ outputs: Record<string, Json>; failure: Failure }> =
      exit.exitCode === 0 && !exit.stopped && !exit.timedOut
        ? readOutputs(
            join(entry.folder, PARTS.task, 'outputs'),
            entry.attempt.outputs,
            exit.outputs,
            this.#settings.outputLimitBytes,
          )
        : {};
    return {
      kind: 'exited',
      startedAt: new Date(exit.startedAt),
      finishedAt: new Date(exit.finishedAt),
      exitCode: exit.exitCode,
      signal: exit.signal,
      timedOut: exit.timedOut,
      stopped: exit.stopped,
      ...(exit.refused === undefined ? {} : { refused: exit.refused }),
      ...(read.outputs === undefined ? {} : { outputs: read.outputs }),
      ...(read.failure === undefined ? {} : { outputFailure: read.failure }),
    };
  }

  /** Its supervisor is dead, or its folder is gone; no process of it may live on beside a next attempt. */
  #bury(entry: Entry): void {
    entry.settling = true;
    void this.#buryWhole(entry).catch((error: unknown) => {
      entry.settling = false;
      this.#settings.log.warn({ ...describe(entry.attempt), error: String(error) }, 'an attempt could not be ended');
    });
  }

  async #buryWhole(entry: Entry): Promise<void> {
    const { attempt, folder } = entry;
    const task = (entry.start ?? readStart(folder))?.task ?? nobody();
    const left = await stopProcesses({ task, marker: attempt.marker }, 0);
    if (left.length > 0) {
      this.#settings.log.error({ ...describe(attempt), pids: left }, 'processes of a lost attempt cannot be ended');
    }
    const message = 'The supervisor of the task ended without a record of how the task ended.';
    this.#end(entry, { kind: 'lost', at: new Date(), message: withComplaints(message, folder) });
  }

  /**
   * The supervisor does not do what it was told. Its end makes the attempt lost, which buries the rest; where even that
   * does not come about, the claim does not name our supervisor any more.
   */
  #overrule(entry: Entry, stop: { overdueAt: number; overruled: boolean }): void {
    if (stop.overruled) return this.#bury(entry);
    stop.overruled = true;
    stop.overdueAt = performance.now() + STOP_MARGIN_MS;
    if (entry.childRunning) entry.child?.kill('SIGKILL');
    else if (entry.claim !== undefined) signalProcess(entry.claim, 'SIGKILL');
  }

  #end(entry: Entry, ending: AttemptEnding): void {
    if (!this.#entries.delete(identify(entry.attempt))) return;
    this.#settings.onEnded(entry.attempt, ending);
  }
}

/** The supervisor's life is read before the exit record: one that ends in between has left it. */
function gather(entry: Entry): AttemptEvidence {
  const claimed = entry.claim ?? readClaim(entry.folder);
  if (claimed !== 'void') entry.claim = claimed;
  const supervisor = claimed === undefined || claimed === 'void' ? 'dead' : lifeOf(claimed);
  return {
    claim: claimed === undefined ? 'none' : claimed === 'void' ? 'void' : 'claimed',
    supervisor,
    sinceBeatMs: supervisor === 'unknown' ? sinceBeat(entry.folder, new Date()) : 0,
    started: entry.attempt.started || entry.start !== undefined || hasStarted(entry.folder),
    exit: readExit(entry.folder),
    childRunning: entry.childRunning,
  };
}

function neverRan(folder: string): AttemptEnding {
  return {
    kind: 'never-ran',
    at: new Date(),
    message: withComplaints('The supervisor ended before it started the task.', folder),
  };
}

function withComplaints(message: string, folder: string): string {
  const complaints = readComplaints(folder);
  return complaints === '' ? message : `${message} It said: ${complaints}`;
}

function identify({ key, task, mapIndex, attempt }: AttemptName): string {
  return `${key}/${task}/${mapIndex}/${attempt}`;
}

function describe({ key, task, mapIndex, attempt }: AttemptName): object {
  return { key, task, map_index: mapIndex, attempt };
}
