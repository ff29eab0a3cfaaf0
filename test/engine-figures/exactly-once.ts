/** Runs through the API while API and worker are killed and answers of the engine are lost: each once on the engine, all final. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal } from '../../src/lifecycle/run-state.js';
import { CarefulClient, Memory } from '../chaos/careful-client.js';
import type { Figure } from '../bench/figure.js';
import { MachineProbe } from '../bench/machine-probe.js';
import { seededRandom } from '../support/seeded-random.js';
import { EngineStage, ROLES } from './engine-stage.js';
import type { Measure } from './measure.js';

const TITLE = 'once';
/** Share of the engine's answers that nobody gets. */
const LOST = 0.2;
const KILL_EVERY_MS = { from: 500, to: 3_000 };
/** Runs created a second, so that the kills fall among them. */
const RATE = 4;
/** Milliseconds without a run that ends; then what is open counts as lost. */
const STANDSTILL_MS = 300_000;
const SAY_MS = 15_000;

export async function exactlyOnce({ engine, runs, seed, say }: Measure): Promise<Figure[]> {
  const [ofProxy, ofKiller, ofClient] = [1, 2, 3].map((stream) => seededRandom(seed + stream));
  if (!ofProxy || !ofKiller || !ofClient) throw new Error('three were made');
  const stage = await EngineStage.start(engine, ofProxy);
  const probe = new MachineProbe([]);
  try {
    await stage.storeTask(TITLE, { run: 'echo once' });
    const before = await engine.executions(await firstRun(stage));
    const began = performance.now();
    stage.proxy.plan({ fault: { do: 'lose-response' }, probability: LOST });
    const creating = new AbortController();
    const [killed] = await Promise.all([
      killAtRandom(stage, ofKiller, creating.signal),
      createAll(stage, runs, ofClient).finally(() => creating.abort()),
    ]);
    const lostAnswers = stage.proxy.faulted;
    stage.proxy.heal();
    say(`${runs} created, ${killed} kills, ${lostAnswers} answers lost; no more faults`);
    await allEnded(stage, say);
    return [toFigure(await judge(stage, before), { runs, seed, killed, lostAnswers, began, probe, stage })];
  } finally {
    await stage.close();
  }
}

/** Nothing happens to it: it shows that the workflow runs at all, and by its external id where. */
async function firstRun(stage: EngineStage): Promise<string> {
  const run = await stage.reaches(await stage.startRun(TITLE), 'COMPLETED', STANDSTILL_MS);
  return String(run['external_id']);
}

async function createAll(stage: EngineStage, runs: number, random: () => number): Promise<void> {
  const client = new CarefulClient([stage.api], new Memory(), random);
  for (let index = 0; index < runs; index++) {
    await client.createRun({ workflow: { title: TITLE } }, `once-${index}`);
    await sleep(1000 / RATE);
  }
}

async function killAtRandom(stage: EngineStage, random: () => number, over: AbortSignal): Promise<number> {
  let killed = 0;
  while (!over.aborted) {
    await sleep(KILL_EVERY_MS.from + random() * (KILL_EVERY_MS.to - KILL_EVERY_MS.from));
    await stage.replace(ROLES[Math.floor(random() * ROLES.length)] ?? 'api');
    killed += 1;
  }
  return killed;
}

async function allEnded(stage: EngineStage, say: (line: string) => void): Promise<void> {
  let least = Infinity;
  let since = performance.now();
  for (let saidAt = 0; performance.now() - since < STANDSTILL_MS; await sleep(1_000)) {
    const open = (await stage.runs()).filter((run) => !isFinal(run.state)).length;
    if (open < least) [least, since] = [open, performance.now()];
    if (performance.now() - saidAt > SAY_MS) {
      say(`${open} still open`);
      saidAt = performance.now();
    }
    if (open === 0) return;
  }
}

interface Judged {
  /** Of our runs by state, a failure with its code. */
  ended: Record<string, number>;
  open: number;
  /** Ended well without an execution on the engine. */
  missing: number;
  /** Executions on the engine that no run of ours is. */
  extra: number;
  onEngine: number;
}

async function judge(stage: EngineStage, before: ReadonlySet<string>): Promise<Judged> {
  const runs = await stage.runs();
  const known = new Set(runs.flatMap((run) => run.externalId ?? []));
  const onEngine = await stage.engine.executions([...known][0] ?? '');
  const ended: Record<string, number> = {};
  for (const { state, code } of runs) {
    const word = code === null ? state : `${state} ${code}`;
    ended[word] = (ended[word] ?? 0) + 1;
  }
  return {
    ended,
    open: runs.filter((run) => !isFinal(run.state)).length,
    missing: runs.filter((run) => run.state === 'COMPLETED' && !onEngine.has(run.externalId ?? '')).length,
    extra: [...onEngine].filter((id) => !known.has(id) && !before.has(id)).length,
    onEngine: [...onEngine].filter((id) => known.has(id)).length,
  };
}

function toFigure(
  judged: Judged,
  told: {
    runs: number;
    seed: number;
    killed: number;
    lostAnswers: number;
    began: number;
    probe: MachineProbe;
    stage: EngineStage;
  },
): Figure {
  const { runs, seed, killed, lostAnswers, began, probe, stage } = told;
  return {
    figure: `exactly-once ${stage.engine.name}`,
    unit: 'runs lost, doubled or open',
    value: judged.open + judged.missing + judged.extra,
    goal: { of: 'value', at: 'most', is: 0 },
    details: { runs, seed, kills: killed, lost_answers: lostAnswers, ...judged, seconds: secondsSince(began) },
    machine: probe.report(),
  };
}

function secondsSince(began: number): number {
  return Math.round((performance.now() - began) / 1000);
}
