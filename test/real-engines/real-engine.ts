/** A real engine, seen past Signalbox: what it holds, and what it still works on. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Database } from '../../src/platform/database.js';

export interface RealEngine {
  name: string;
  kind: 'airflow' | 'argo';
  url: string;
  /** As in ENGINES_FILE, with its calls going to `url`. */
  options(url: string): Record<string, unknown>;
  /** More of a portable task than its command: the image, where there are containers. */
  task: Record<string, unknown>;
  /** A native definition whose runs stay active and give the engine next to nothing to do. */
  waiting: string;
  /** External ids of all that was ever submitted, of the workflow of `externalId` at least. */
  executions(externalId: string): Promise<Set<string>>;
  /** Processes or pods that work on these executions; `command` stands on the command line of each and nowhere else. */
  working(externalIds: ReadonlySet<string>, command: string): Promise<number>;
  /** Where the engine keeps logs beside the task, takes the log and what ran the task away; undefined = there is no such thing. */
  loseTask?(externalId: string): Promise<void>;
  /** Takes away what an installation of Signalbox has put there: definitions, and executions where they cost something. */
  removeAllOf(installationId: string): Promise<void>;
  close(): Promise<void>;
}

/** Of the service on this database. */
export async function installationOf(database: Database): Promise<string> {
  const { rows } = await database.query<{ id: string }>({ text: 'SELECT id FROM installation' });
  if (!rows[0]) throw new Error('the service has never started on this database');
  return rows[0].id;
}

/** Processes of this machine that are this command. */
export function processesOf(command: string): number[] {
  const wanted = command.split(' ').join('\0');
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${wanted}\0`) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}
