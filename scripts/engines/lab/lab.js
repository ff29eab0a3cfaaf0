// What every engine of the lab is given: its folder, programs that are run, services that go on running.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a service has after TERM until it is killed. */
const TERM_GRACE_MS = 20_000;

/** Arguments: how often, the program, its arguments. */
const SUPERVISOR = `trap 'exit 143' TERM
left=$0
until "$@"; do
  echo "$1 ended with $?; it may be started again $left times"
  [ "$left" -gt 0 ] || exit 1
  left=$((left - 1))
  sleep 1
done`;

/**
 * An engine file exports `engine`: `up(lab)`, `down(lab)`, both repeatable; `status(lab)` -> `{ state: 'up' | 'down' | 'partly up',
 * url?, options?, variable?, endpoint? }` (options of ENGINES_FILE; the environment variable by which tests find the engine,
 * and the file it names); `logs(lab)` -> absolute paths; `services`, by name; `memory(lab)` -> absolute paths of the folders in
 * which it keeps what it knows.
 */
export function makeLab(name) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'signalbox', 'engines', name);
  mkdirSync(join(folder, 'log'), { recursive: true });
  const say = (line) => process.stderr.write(`${name}: ${line}\n`);
  const logOf = (service) => join(folder, 'log', `${service}.log`);
  const recordOf = (service) => join(folder, `${service}.pid`);

  return {
    name,
    /** Everything of this engine lies below it. */
    folder,
    say,
    logOf,

    /** Runs a program to its end; its output goes to a log. Throws when it fails. */
    async run(program, args, options = {}) {
      const log = logOf(options.log ?? 'install');
      const file = openSync(log, 'a');
      const child = spawn(program, args, { stdio: ['ignore', file, file], env: options.env ?? process.env });
      const [code] = await once(child, 'exit');
      if (code !== 0) throw new Error(`${program} ${args[0] ?? ''} ended with ${code}; see ${log}`);
    },

    /**
     * Starts a service that outlives us, in a process group of its own; does nothing where it runs. `restarts`: how often it is
     * started again after it ended by itself.
     */
    async start(service, program, args, env, { restarts = 0 } = {}) {
      if ((await this.running(service)) !== undefined) return;
      const file = openSync(logOf(service), 'a');
      const command = restarts === 0 ? [program, args] : ['/bin/sh', ['-c', SUPERVISOR, restarts, program, ...args]];
      const child = spawn(...command, { detached: true, stdio: ['ignore', file, file], env, cwd: folder });
      await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => Promise.reject(error))]);
      child.unref();
      await writeFile(recordOf(service), JSON.stringify({ pid: child.pid, started: await startOf(child.pid) }));
    },

    /** The process id of a service that runs. One that got its number later is not taken for it. */
    async running(service) {
      const text = await readFile(recordOf(service), 'utf8').catch(() => undefined);
      if (text === undefined) return undefined;
      const { pid, started } = JSON.parse(text);
      const now = await startOf(pid);
      return now !== undefined && now === started ? pid : undefined;
    },

    /** Ends a service with all of its group; kills what does not end. Does nothing where it does not run. */
    async stop(service) {
      const pid = await this.running(service);
      if (pid !== undefined) {
        const until = performance.now() + TERM_GRACE_MS;
        signalGroup(pid, 'SIGTERM');
        while (groupLives(pid) && performance.now() < until) await sleep(100);
        signalGroup(pid, 'SIGKILL');
      }
      await rm(recordOf(service), { force: true });
    },

    /** kill -9 to a service and all of its group, as a crash has it; `start` brings it back. */
    async kill(service) {
      const pid = await this.running(service);
      if (pid !== undefined) {
        signalGroup(pid, 'SIGKILL');
        while (groupLives(pid)) await sleep(20);
      }
      await rm(recordOf(service), { force: true });
    },

    /** Polls until `ready` answers something; throws when `service` ends before, or after `seconds`. */
    async until(what, services, ready, seconds = 180) {
      const end = performance.now() + seconds * 1000;
      for (;;) {
        const answer = await ready().catch(() => undefined);
        if (answer) return answer;
        for (const service of services) {
          if ((await this.running(service)) === undefined) {
            throw new Error(`${service} ended; see ${logOf(service)}`);
          }
        }
        if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}; logs are in ${folder}/log`);
        await sleep(500);
      }
    },
  };
}

/** When a process began, in the kernel's ticks: with its number it names a process for ever. A zombie is none. */
async function startOf(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The name in brackets may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended.
  }
}

function groupLives(pid) {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
