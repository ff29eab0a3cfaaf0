/** One chaos, from the set-up of the fault catalogue to the word of the checker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Violation } from '../support/checker.js';
import { seededRandom } from '../support/seeded-random.js';
import { Memory } from './careful-client.js';
import type { ChaosOptions } from './chaos-options.js';
import { startChaosStage, type ChaosStage } from './chaos-stage.js';
import { Killer } from './killer.js';
import { Load } from './load.js';
import { allProxies, countFaults, planMix } from './mix.js';
import type { ChaosEngine } from './stories.js';
import { judge, type Verdict } from './verdict.js';

/** Of a chaos on both engines every so many runs is on the local one, whose tasks are processes. */
const LOCAL_EVERY = 20;
const PROGRESS_MS = 5_000;
/** Milliseconds within which a run has to end once there are no faults any more; beyond it nothing brings it on. */
const STANDSTILL_MS = 60_000;

export interface ChaosSummary extends Verdict {
  seed: number;
  runs: number;
  kills: Record<string, number>;
  faults: Record<string, number>;
  /** Starts of killed processes that failed, and were repeated. */
  failedStarts: number;
  /** Of clients, and how many of them had to be repeated. */
  requests: number;
  repeats: number;
  lost: number;
  doubled: number;
  illegal: number;
  seconds: number;
}

/**
 * Runs a whole chaos; `say` gets a line of progress every few seconds. Throws when the set-up itself does not work, and when
 * `signal` says to stop; in every case nothing is left behind.
 */
export async function runChaos(
  options: ChaosOptions,
  say: (line: string) => void,
  signal: AbortSignal = new AbortController().signal,
): Promise<ChaosSummary> {
  const began = performance.now();
  const random = seededRandom(options.seed);
  // One stream of draws for each: what one of them draws does not depend on how fast the others are.
  const [ofProxies, ofKiller, ofClients] = [1, 2, 3].map(() => seededRandom(Math.floor(random() * 4_294_967_296)));
  if (!ofProxies || !ofKiller || !ofClients) throw new Error('three were made');
  const stage = await startChaosStage(options, ofProxies);
  try {
    const load = newLoad(stage, options, ofClients);
    const cuts = options.proxy === 'mix';
    const killer = new Killer(stage, ofKiller, { victims: options.kill, everyMs: options.everyMs, cuts });
    const progress = setInterval(() => void report(stage, load, killer, say), PROGRESS_MS);
    try {
      await Promise.race([happen(stage, load, killer, cuts ? options : undefined, say), stopped(signal)]);
    } finally {
      clearInterval(progress);
      killer.abandon();
    }
    const verdict = await judge(stage, load);
    return summarise(options, verdict, stage, load, killer, (performance.now() - began) / 1000);
  } finally {
    await stage.close();
  }
}

/** Faults while runs are created; then none, until every run has ended. */
async function happen(
  stage: ChaosStage,
  load: Load,
  killer: Killer,
  mix: { lost: number } | undefined,
  say: (line: string) => void,
): Promise<void> {
  await load.storeWorkflows();
  if (mix !== undefined) planMix(stage.cluster, mix.lost);
  killer.begin();
  await load.createAll();
  say('all runs are created; no more faults');
  for (const proxy of allProxies(stage.cluster)) proxy.heal();
  await killer.end();
  await load.ended();
  await drain(stage);
}

function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped by a signal')), { once: true });
  });
}

function newLoad(stage: ChaosStage, options: ChaosOptions, random: () => number): Load {
  const engines: readonly ChaosEngine[] = { scripted: ['se'], local: ['local'], both: ['se', 'local'] }[
    options.engine
  ] as ChaosEngine[];
  const { cluster } = stage;
  return new Load([cluster.api('api-1'), cluster.api('api-2')], new Memory(), random, {
    runs: options.runs,
    rate: options.rate,
    engines,
    engineOf: (index) => (engines.length === 1 ? (engines[0] ?? 'se') : index % LOCAL_EVERY === 0 ? 'local' : 'se'),
    localParameters: { journal: stage.journal },
    open: () => cluster.open(),
  });
}

/** Until every run has ended and every late execution was dealt with, or nothing went on for a long time: the verdict says what is left. */
async function drain({ cluster }: ChaosStage): Promise<void> {
  let least = Infinity;
  let since = performance.now();
  while (performance.now() - since < STANDSTILL_MS) {
    const open = (await cluster.open()) + (await cluster.late());
    if (open === 0) return;
    if (open < least) [least, since] = [open, performance.now()];
    await sleep(250);
  }
}

async function report(
  { cluster }: ChaosStage,
  { memory }: Load,
  killer: Killer,
  say: (line: string) => void,
): Promise<void> {
  const open = await cluster.open().catch(() => undefined);
  const created = memory.created.length;
  const ended = open === undefined ? 'the database is away' : `${Math.max(0, created - open)} ended`;
  say(
    `${created} created, ${ended}; kills ${total(killer.kills)}, faults ${total(countFaults(cluster))}, ` +
      `${memory.requests} requests, ${memory.repeats} repeated`,
  );
}

function summarise(
  { seed, runs }: ChaosOptions,
  verdict: Verdict,
  { cluster }: ChaosStage,
  { memory }: Load,
  killer: Killer,
  seconds: number,
): ChaosSummary {
  const fallen = killer.fallen.map((what): Violation => ({ invariant: 'F25', kind: 'illegal', what }));
  const violations = [...verdict.violations, ...fallen];
  const ofKind = (kind: Violation['kind']): number => violations.filter((one) => one.kind === kind).length;
  return {
    ...verdict,
    violations,
    seed,
    runs,
    kills: killer.kills,
    faults: countFaults(cluster),
    failedStarts: killer.failedStarts,
    requests: memory.requests,
    repeats: memory.repeats,
    lost: ofKind('lost'),
    doubled: ofKind('doubled'),
    illegal: ofKind('illegal'),
    seconds: Math.round(seconds),
  };
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
