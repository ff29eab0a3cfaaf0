/** `npm run bench [-- FIGURE ...]`: JSON lines on stdout, the table for people on stderr. Ends with 1 when a goal is missed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isReached, toLine, toTable, type Figure } from './figure.js';
import { dispatchFigure } from './dispatch-figure.js';
import { idleFigures } from './idle-figure.js';
import { latencyFigures } from './latency-figure.js';
import { logsFigures } from './logs-figure.js';
import { memoryFigures } from './memory-figures.js';
import { overloadFigures } from './overload-figures.js';
import { reconcileFigures } from './reconcile-figures.js';
import { RECORD_FIGURES, recordFigures } from './record-figures.js';
import { scaleFigures } from './scale-figures.js';
import { shutdownFigures } from './shutdown-figures.js';
import { startupFigures } from './startup-figure.js';

/** A figure of a busy machine is taken again, so often at most. */
const TAKES = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    rows: { type: 'string', default: '10000000' },
    'log-mb': { type: 'string', default: '2000' },
    'overload-seconds': { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const roundMs = Number(values.seconds) * 1000;
const taken: Figure[] = [];
const failed: string[] = [];

const MORE: Record<string, () => Promise<void>> = {
  scale: () => scaleFigures({ runs: Number(values.rows), rounds, roundMs, dataDir: join(home, 'scale') }, emit),
  reconcile: async () => {
    await emit(() => reconcileFigures(1_000, 500, rounds));
    await emit(() => reconcileFigures(10_000, 4_000, rounds));
  },
  dispatch: () => emit(async () => [await dispatchFigure(rounds)]),
  latency: async () => {
    await emit(() => latencyFigures('server'));
    await emit(() => latencyFigures('api+worker'));
  },
  overload: () => {
    const seconds = Number(values['overload-seconds']);
    return emit(() => overloadFigures({ seconds, rounds, roundMs, dataDir: join(home, 'overload') }));
  },
  memory: () => emit(() => memoryFigures(join(home, 'memory'))),
  idle: () => emit(() => idleFigures(join(home, 'idle'))),
  startup: () => emit(() => startupFigures(rounds, join(home, 'startup'))),
  shutdown: () => emit(() => shutdownFigures(rounds, join(home, 'shutdown'))),
  // Every take has a folder of its own: the log is found by looking.
  logs: () => emit(async () => logsFigures(rounds, Number(values['log-mb']), await mkdtemp(join(home, 'logs-')))),
};

const FIGURES: readonly string[] = [...RECORD_FIGURES, ...Object.keys(MORE)];
const HELP = `npm run bench -- [FIGURE ...] [OPTION ...]

Figures: ${FIGURES.join(' ')}; all without one.
  --rounds N            rounds of each figure; medians count (5)
  --seconds N           length of one round of requests (2)
  --rows N              runs of the long record of 'scale' (10000000)
  --log-mb N            length of the log of 'logs', megabytes (2000)
  --overload-seconds N  length of 'overload' (60)
`;
const unknown = positionals.filter((name) => !FIGURES.includes(name));
if (values.help || unknown.length > 0) {
  process.stderr.write(unknown.length > 0 ? `There is no figure ${unknown.join(', ')}.\n${HELP}` : HELP);
  process.exit(unknown.length > 0 ? 64 : 0);
}
const home = await mkdtemp(join(tmpdir(), 'signalbox-bench-data-'));
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

/** Takes figures, again when others kept the machine busy; what is reached beside their work is reached. */
async function emit(take: () => Promise<Figure[]>): Promise<void> {
  let kept: Figure[] = [];
  for (let attempt = 0; attempt < TAKES; attempt++) {
    const figures = await take();
    const sound = figures.every((figure) => !figure.machine.busy || isReached(figure));
    if (sound || better(figures, kept)) kept = figures;
    if (sound) break;
  }
  taken.push(...kept);
  for (const figure of kept) process.stdout.write(`${toLine(figure)}\n`);
}

/** Of two takes on a busy machine the one that others disturbed less. */
function better(figures: Figure[], kept: Figure[]): boolean {
  const othersOf = (take: Figure[]): number => take[0]?.machine.others_cores ?? take[0]?.machine.lag_p99_ms ?? Infinity;
  return kept.length === 0 || othersOf(figures) < othersOf(kept);
}

/** A figure that cannot be taken is a missed one, and keeps no other from being taken. */
async function attempt(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failed.push(name);
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stdout.write(`${JSON.stringify({ figure: name, error: message, reached: false })}\n`);
  }
}

try {
  const records = RECORD_FIGURES.filter(wants);
  await attempt(records.join(' '), () =>
    recordFigures(records, { rounds, roundMs, dataDir: join(home, 'record') }, emit),
  );
  for (const [name, work] of Object.entries(MORE)) if (wants(name)) await attempt(name, work);
} finally {
  await rm(home, { recursive: true, force: true });
  process.stderr.write(`\n${toTable(taken)}`);
  if (failed.length > 0) process.stderr.write(`could not be taken: ${failed.join(', ')}\n`);
}
process.exitCode = failed.length === 0 && taken.every(isReached) ? 0 : 1;
