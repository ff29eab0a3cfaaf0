/** A record of many active runs compared with a real engine by `signalbox reconcile`, while somebody reads. */
import { setTimeout as sleep } from 'node:timers/promises';
import { median, type Figure } from '../bench/figure.js';
import { MachineProbe } from '../bench/machine-probe.js';
import { runCli } from '../support/run-cli.js';
import { until } from '../support/until.js';
import { EngineStage } from './engine-stage.js';
import type { Measure } from './measure.js';

const TITLE = 'active';
const LONG_MS = 1_800_000;
const PASSES = 3;
const AT_ONCE = 8;
const SAY_MS = 15_000;
/** What a reader waits for at most: an answer from the record comes when the engine does not answer in time. */
const READ_MS = 3_000;

interface Pass {
  ms: number;
  checked: number;
  changed: number;
}

export async function manyActive({ engine, runs, say }: Measure): Promise<Figure[]> {
  const stage = await EngineStage.start(engine);
  try {
    await stage.store(TITLE, 'native', engine.waiting);
    let left = runs;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await stage.startRun(TITLE);
      }),
    );
    await untilActive(stage, runs, say);
    // Only the passes ask the engine from here on: every turn is counted on its way.
    await stage.process('worker').kill();
    await settled(stage, runs);
    const probe = new MachineProbe([]);
    stage.proxy.plan({ fault: { do: 'delay', ms: 0 } });
    const passes: (Pass & { calls: number })[] = [];
    for (let round = 0; round < PASSES; round++) {
      const before = stage.proxy.faulted;
      const pass = await reconcile(stage);
      passes.push({ ...pass, calls: stage.proxy.faulted - before });
    }
    const reads = await readWhile(stage, () => reconcile(stage));
    return toFigures(stage, runs, passes, reads, probe);
  } finally {
    await stage.close();
  }
}

async function untilActive(stage: EngineStage, runs: number, say: (line: string) => void): Promise<void> {
  let saidAt = 0;
  await until(
    async () => {
      const known = (await stage.runs()).filter((run) => run.externalId !== null && run.state !== 'PENDING').length;
      if (performance.now() - saidAt > SAY_MS) {
        say(`${known} of ${runs} are active on the engine`);
        saidAt = performance.now();
      }
      await sleep(500);
      return known;
    },
    (known) => known >= runs,
    LONG_MS,
  );
}

/** What an engine says about runs that have just begun is stored once. */
async function settled(stage: EngineStage, runs: number): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const { checked, changed } = await reconcile(stage);
    if (checked === runs && changed <= runs / 100) return;
  }
  throw new Error('the runs do not come to rest');
}

async function reconcile(stage: EngineStage): Promise<Pass> {
  const { code, stdout, stderr } = await runCli(['reconcile', '--json'], stage.serviceEnv);
  if (code !== 0) throw new Error(`signalbox reconcile ended with ${code}: ${stderr} ${stdout}`);
  const { engines } = JSON.parse(stdout) as {
    engines: { engine: string; checked: number; changed: number; took_ms: number }[];
  };
  const pass = engines.find(({ engine }) => engine === stage.engine.name);
  if (!pass) throw new Error('there was no pass');
  return { ms: pass.took_ms, checked: pass.checked, changed: pass.changed };
}

/** Milliseconds of every answer to GET: a run, looked at on the engine first, and a page, by turns. */
async function readWhile(stage: EngineStage, work: () => Promise<unknown>): Promise<number[]> {
  const ids = (await stage.runs()).map((run) => run.id);
  const times: number[] = [];
  let over = false;
  const read = async (): Promise<void> => {
    for (let turn = 0; !over; turn++) {
      const path = turn % 2 === 0 ? `/workflow-runs/${ids[(turn * 7919) % ids.length]}` : '/workflow-runs?limit=50';
      const began = performance.now();
      const { status } = await stage.api.get(path);
      if (status !== 200) throw new Error(`${path} was answered ${status}`);
      times.push(performance.now() - began);
    }
  };
  await Promise.all([work().finally(() => (over = true)), read()]);
  return times;
}

function toFigures(
  stage: EngineStage,
  runs: number,
  passes: (Pass & { calls: number })[],
  reads: number[],
  probe: MachineProbe,
): Figure[] {
  const machine = probe.report();
  const { name } = stage.engine;
  return [
    {
      figure: `reconcile ${runs} on ${name}`,
      unit: 's',
      value: median(passes.map((pass) => pass.ms)) / 1000,
      goal: { of: 'value', at: 'most', is: 15 },
      details: { passes },
      machine,
    },
    {
      figure: `slowest GET beside it on ${name}`,
      unit: 'ms',
      value: Math.max(...reads),
      goal: { of: 'value', at: 'most', is: READ_MS },
      details: { reads: reads.length, median_ms: median(reads) },
      machine,
    },
  ];
}
