/** What `npm run chaos` is told. */
import { parseArgs } from 'node:util';
import { BUGS, type BugName } from './bugs.js';

export const VICTIMS = ['api', 'worker', 'reconciler', 'postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

export const ENGINES = ['scripted', 'local', 'both'] as const;
export type ChaosEngines = (typeof ENGINES)[number];

export interface ChaosOptions {
  runs: number;
  /** Who is killed; nobody when empty. */
  kill: Victim[];
  /** Milliseconds between two kills, drawn between the two. */
  everyMs: { from: number; to: number };
  /** Whether the proxies do what networks do, or only hand on. */
  proxy: 'mix' | 'none';
  /** The part of all answers over HTTP that a mix loses. */
  lost: number;
  seed: number;
  engine: ChaosEngines;
  /** Runs a second that clients create at most. */
  rate: number;
  bug: BugName | undefined;
  json: boolean;
}

/** Seconds over which few runs are spread, so that kills meet them. */
const SPREAD_S = 20;

/** The arguments are wrong; the message says which. */
export class ChaosOptionsRefused extends Error {}

export const HELP = `npm run chaos -- [options]

Two APIs, two workers, two reconcilers, a scripted engine and a PostgreSQL as processes, with fault proxies between them.
Clients create runs, cancel and retry some, and remember every answer; a killer ends processes with kill -9, supervisors start
them again. Then faults stop, the runs end, and every promise is compared with the record and with the engine's journal.

  --runs N            runs to create (2000)
  --kill LIST         who is killed: ${VICTIMS.join(',')}, or none (all)
  --every FROM..TO    seconds between two kills (0.2..2s)
  --proxy mix|none    requests dropped, doubled, delayed, answers lost, connections cut (mix)
  --lost PERCENT      answers over HTTP that a mix loses (2)
  --seed S            of kills, faults and clients (drawn)
  --engine E          scripted, local (tasks are processes of this machine), or both (scripted)
  --rate R            runs created a second at most (100, or as few as take ${SPREAD_S} s)
  --bug NAME          puts a bug into a copy of the service that the checker has to find: ${Object.keys(BUGS).join(', ')}
  --json              the summary as one line of JSON

Ends with 0 when every promise was kept, 1 when one was broken, 2 when the arguments are wrong, 130 when stopped.
`;

/** Throws `ChaosOptionsRefused`. `drawn` is the seed when none is given. */
export function readChaosOptions(args: string[], drawn: number): ChaosOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const kill = values.kill === 'none' ? [] : values.kill.split(',').map((name) => oneOf(VICTIMS, name, '--kill'));
  const runs = number(values.runs, '--runs', 1, 1_000_000);
  return {
    runs,
    kill: [...new Set(kill)],
    everyMs: range(values.every),
    proxy: oneOf(['mix', 'none'] as const, values.proxy, '--proxy'),
    lost: number(values.lost, '--lost', 0, 50) / 100,
    seed: values.seed === undefined ? drawn : number(values.seed, '--seed', 0, 4_294_967_295),
    engine: oneOf(ENGINES, values.engine, '--engine'),
    rate: values.rate === undefined ? Math.min(100, runs / SPREAD_S) : number(values.rate, '--rate', 1, 10_000),
    bug: values.bug === undefined ? undefined : oneOf(Object.keys(BUGS) as BugName[], values.bug, '--bug'),
    json: values.json === true,
  };
}

interface Given {
  runs: string;
  kill: string;
  every: string;
  proxy: string;
  lost: string;
  seed?: string | undefined;
  engine: string;
  rate?: string | undefined;
  bug?: string | undefined;
  json?: boolean | undefined;
  help?: boolean | undefined;
}

function parse(args: string[]): Given {
  try {
    const { values } = parseArgs({
      args,
      options: {
        runs: { type: 'string', default: '2000' },
        kill: { type: 'string', default: VICTIMS.join(',') },
        every: { type: 'string', default: '0.2..2s' },
        proxy: { type: 'string', default: 'mix' },
        lost: { type: 'string', default: '2' },
        seed: { type: 'string' },
        engine: { type: 'string', default: 'scripted' },
        rate: { type: 'string' },
        bug: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    throw new ChaosOptionsRefused((error as Error).message);
  }
}

function oneOf<T extends string>(known: readonly T[], given: string, name: string): T {
  const found = known.find((one) => one === given);
  if (found === undefined) throw new ChaosOptionsRefused(`${name}: "${given}" is none of ${known.join(', ')}`);
  return found;
}

function number(given: string, name: string, least: number, most: number): number {
  const read = Number(given);
  if (/^\d+$/.test(given) && read >= least && read <= most) return read;
  throw new ChaosOptionsRefused(`${name}: "${given}" is no whole number from ${least} to ${most}`);
}

/** `0.2..2s`, or one pause for all: `1s`. */
function range(given: string): { from: number; to: number } {
  const [, first = '', second = first] = /^(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?))?s$/.exec(given) ?? [];
  const [from, to] = [Number(first) * 1000, Number(second) * 1000];
  if (first !== '' && from <= to && to > 0) return { from, to };
  throw new ChaosOptionsRefused(`--every: "${given}" is not FROM..TO in seconds, such as 0.2..2s`);
}
