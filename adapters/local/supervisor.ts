/**
 * A process of its own per attempt, so that the end of Signalbox is not the end of a task:
 *   node supervisor.js ATTEMPT_FOLDER
 * The order of its steps is the protocol of README.md; each record is on the disk before the next step.
 *
 * The task's process exists before user code runs: it is a shell that waits on a pipe. Only when the start record with
 * that process's identity is synced does the supervisor write to the pipe and the shell become the task. If the
 * supervisor dies in between, the pipe closes and the shell ends without having run anything.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptSpec } from './attempt-folder.js';
import type { ExitRecord } from './record-shapes.js';
import {
  PARTS,
  beat,
  claim,
  makeFolder,
  readSpec,
  readStop,
  reserveExit,
  writeExit,
  writeStart,
} from './attempt-folder.js';
import { AttemptEnd } from './attempt-end.js';
import { digestOutputs } from './output-files.js';
import { identityOf, ownIdentity } from './process-identity.js';
import { TaskLog } from './task-log.js';

/** Opens when a byte arrives on descriptor 3, and never when that is closed instead. */
const GATE = 'read -r _ <&3 || exit 125; exec 3<&-; exec "$@"';
const BEAT_MS = 10_000;
/** After the last process has ended the pipes hold at most what the kernel buffered. */
const DRAIN_MS = 2_000;

type Refusal = { code: string; message: string };

async function supervise(attempt: string): Promise<void> {
  const self = ownIdentity();
  if (!claim(attempt, self)) return;
  const spec = readSpec(attempt);
  reserveExit(attempt, spec);
  const ending = new AttemptEnd(spec);
  process.on('SIGTERM', () => ending.stop('graceful'));
  process.on('SIGUSR2', () => ending.stop('force'));
  for (const ignored of ['SIGINT', 'SIGHUP'] as const) process.on(ignored, () => undefined);
  const heart = setInterval(() => beat(attempt), BEAT_MS);

  const startedAt = new Date().toISOString();
  const record: ExitRecord = {
    startedAt,
    finishedAt: startedAt,
    exitCode: null,
    signal: null,
    timedOut: false,
    stopped: false,
    outputs: {},
  };
  const log = new TaskLog(join(attempt, PARTS.log), spec.logLimitBytes);
  const before = readStop(attempt);
  const child = before === undefined ? startGate(attempt, spec) : undefined;
  if (child === undefined) {
    record.stopped = true;
  } else if ('code' in child) {
    record.refused = child;
  } else {
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
    const drained = Promise.all([drain(child, 'stdout', log), drain(child, 'stderr', log)]);
    const pid = child.pid as number;
    const task = identityOf(pid);
    if (task === undefined) throw new Error('the task ended before it was let go');
    writeStart(attempt, { supervisor: self, task, startedAt });
    ending.begin({ task, marker: spec.marker }, readStop(attempt));
    openGate(child);
    [record.exitCode, record.signal] = await exited;
    record.finishedAt = new Date().toISOString();
    record.stopped = ending.cause === 'stopped';
    record.timedOut = ending.cause === 'timed-out';
    // A task is over when its main process is; what it left behind is stopped, and only then is the attempt over.
    await ending.finish();
    await Promise.race([drained, delay(DRAIN_MS)]);
  }
  log.close();
  record.outputs = digestOutputs(join(attempt, PARTS.task, 'outputs'), spec.outputs, spec.outputLimitBytes);
  writeExit(attempt, record);
  clearInterval(heart);
  process.exit(0);
}

function startGate(attempt: string, spec: AttemptSpec): ChildProcess | Refusal {
  const work = join(attempt, PARTS.task, 'work');
  try {
    makeFolder(work);
    const child = spawn('/bin/sh', ['-c', GATE, 'sh', ...spec.argv], {
      cwd: work,
      env: spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    // Without a pid the reason comes as an event after this turn; spawn's own code says it at once.
    child.on('error', () => undefined);
    return child.pid === undefined ? { code: 'EAGAIN', message: 'the system could not start a process' } : child;
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException;
    return { code, message };
  }
}

function openGate(child: ChildProcess): void {
  const gate = child.stdio[3] as Writable;
  // Killed before it could read: the exit event tells.
  gate.on('error', () => undefined);
  gate.end('\n');
}

async function drain(child: ChildProcess, name: 'stdout' | 'stderr', log: TaskLog): Promise<void> {
  const stream = child[name];
  if (stream === null) return;
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => log.write(name, chunk));
  await once(stream, 'end');
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: supervisor.js ATTEMPT_FOLDER');
await supervise(folder);
