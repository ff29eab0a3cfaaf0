/** Many running runs cancelled at once: from the 202 to CANCELLED, and until nothing of them works any more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal } from '../../src/lifecycle/run-state.js';
import { median, type Figure } from '../bench/figure.js';
import { MachineProbe } from '../bench/machine-probe.js';
import { until } from '../support/until.js';
import { EngineStage } from './engine-stage.js';
import type { Measure } from './measure.js';

const TITLE = 'cancelled';
const LONG_MS = 900_000;
/** CANCEL_GRACE of the service, in seconds. */
const GRACE_S = 60;
const LOOK_EVERY_MS = 200;
/** A look takes a program of its own. */
const LOOK_AT_ENGINE_MS = 1_000;

export async function cancelMany({ engine, runs, say }: Measure): Promise<Figure[]> {
  // On the command line of its own processes and of no others.
  const command = `sleep ${36_000 + (Date.now() % 100_000)}`;
  const stage = await EngineStage.start(engine);
  try {
    await stage.storeTask(TITLE, { run: `exec ${command}` });
    const ids: number[] = [];
    for (let index = 0; index < runs; index++) ids.push(await stage.startRun(TITLE));
    const externalIds = await until(
      async () => new Set((await stage.runs()).flatMap((run) => run.externalId ?? [])),
      (known) => known.size === runs,
      LONG_MS,
    );
    say(`${runs} are on the engine`);
    await until(
      async () => {
        await sleep(LOOK_AT_ENGINE_MS);
        const states = (await stage.runs()).filter((run) => run.state === 'RUNNING').length;
        return Math.min(states, await engine.working(externalIds, command));
      },
      (working) => working >= runs,
      LONG_MS,
    );
    say(`${runs} are running`);
    const probe = new MachineProbe([]);
    const [cancelled, gone] = await Promise.all([
      cancelAll(stage, ids).then((acceptedAt) => untilCancelled(stage, acceptedAt)),
      untilNothingWorks(() => engine.working(externalIds, command), performance.now()),
    ]);
    return toFigures(stage, runs, cancelled, gone, probe);
  } finally {
    await stage.close();
  }
}

/** When the 202 of each run was there. */
async function cancelAll(stage: EngineStage, ids: readonly number[]): Promise<Map<number, number>> {
  const accepted = ids.map(async (id) => {
    const { status, text } = await stage.api.put(`/workflow-runs/${id}/cancel`);
    if (status !== 202) throw new Error(`a cancel was answered ${status}: ${text}`);
    return [id, performance.now()] as const;
  });
  return new Map(await Promise.all(accepted));
}

/** Seconds from the 202 of each run to its end, to a look. */
async function untilCancelled(stage: EngineStage, acceptedAt: ReadonlyMap<number, number>): Promise<number[]> {
  const seconds = new Map<number, number>();
  const end = performance.now() + LONG_MS;
  while (seconds.size < acceptedAt.size && performance.now() < end) {
    await sleep(LOOK_EVERY_MS);
    for (const { id, state } of await stage.runs()) {
      const accepted = acceptedAt.get(id);
      if (accepted === undefined || seconds.has(id)) continue;
      if (state === 'CANCELLED') seconds.set(id, (performance.now() - accepted) / 1000);
      else if (isFinal(state)) throw new Error(`run ${id} ended ${state}`);
    }
  }
  if (seconds.size < acceptedAt.size) throw new Error(`${acceptedAt.size - seconds.size} runs were not cancelled`);
  return [...seconds.values()];
}

async function untilNothingWorks(working: () => Promise<number>, began: number): Promise<number> {
  await until(
    async () => {
      await sleep(LOOK_AT_ENGINE_MS);
      return working();
    },
    (count) => count === 0,
    LONG_MS,
  );
  return (performance.now() - began) / 1000;
}

function toFigures(stage: EngineStage, runs: number, cancelled: number[], gone: number, probe: MachineProbe): Figure[] {
  const machine = probe.report();
  const figure = (name: string, value: number, details: Record<string, unknown>): Figure => ({
    figure: `${name} ${stage.engine.name}`,
    unit: 's',
    value,
    goal: { of: 'value', at: 'most', is: GRACE_S },
    details: { runs, ...details },
    machine,
  });
  return [
    figure('cancelled', Math.max(...cancelled), { median: median(cancelled), first: Math.min(...cancelled) }),
    figure('nothing left', gone, {}),
  ];
}
