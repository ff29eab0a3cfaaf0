/**
 * `npm run bench [-- FIGURE ...] [--rounds N] [--seconds N] [--log-mb N]`: JSON lines on stdout, the table for people on
 * stderr. Ends with 1 when a goal is missed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isReached, toLine, toTable, type Figure } from './figure.js';
import { dispatchFigure } from './dispatch-figure.js';
import { idleFigures } from './idle-figure.js';
import { latencyFigures } from './latency-figure.js';
import { memoryFigures } from './memory-figures.js';
import { overloadFigures } from './overload-figures.js';
import { shutdownFigures } from './shutdown-figures.js';
import { logsFigures } from './logs-figure.js';
import { startupFigures } from './startup-figure.js';
import { reconcileFigures } from './reconcile-figures.js';
import { scaleFigures } from './scale-figures.js';
import { RECORD_FIGURES, recordFigures } from './record-figures.js';

/** A figure of a busy machine is taken again, so often at most. */
const TAKES = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    /** Of one round of requests. */
    seconds: { type: 'string', default: '2' },
    'log-mb': { type: 'string', default: '2000' },
    /** Of the long record. */
    'overload-seconds': { type: 'string', default: '60' },
    rows: { type: 'string', default: '10000000' },
  },
});
const rounds = Number(values.rounds);
const roundMs = Number(values.seconds) * 1000;
const FIGURES = [
  ...RECORD_FIGURES,
  'scale',
  'reconcile',
  'dispatch',
  'latency',
  'overload',
  'memory',
  'idle',
  'startup',
  'shutdown',
  'logs',
];
const unknown = positionals.filter((name) => !FIGURES.some((figure) => figure === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no figure ${unknown.join(', ')}: ${FIGURES.join(', ')}.\n`);
  process.exit(64);
}
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

const taken: Figure[] = [];
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
  return othersOf(figures) < othersOf(kept);
}

const home = await mkdtemp(join(tmpdir(), 'signalbox-bench-data-'));
try {
  await recordFigures(RECORD_FIGURES.filter(wants), { rounds, roundMs, dataDir: join(home, 'record') }, emit);
  if (wants('scale')) {
    await scaleFigures({ runs: Number(values.rows), rounds, roundMs, dataDir: join(home, 'scale') }, emit);
  }
  if (wants('reconcile')) {
    await emit(() => reconcileFigures(1_000, 500, rounds));
    await emit(() => reconcileFigures(10_000, 4_000, rounds));
  }
  if (wants('dispatch')) await emit(async () => [await dispatchFigure(rounds)]);
  if (wants('latency')) {
    await emit(() => latencyFigures('server'));
    await emit(() => latencyFigures('api+worker'));
  }
  if (wants('overload')) {
    const seconds = Number(values['overload-seconds']);
    await emit(() => overloadFigures({ seconds, rounds, roundMs, dataDir: join(home, 'overload') }));
  }
  if (wants('memory')) await emit(() => memoryFigures(join(home, 'memory')));
  if (wants('idle')) await emit(() => idleFigures(join(home, 'idle')));
  if (wants('startup')) await emit(() => startupFigures(rounds, join(home, 'startup')));
  if (wants('shutdown')) await emit(() => shutdownFigures(rounds, join(home, 'shutdown')));
  // Every take has a folder of its own: the log is found by looking.
  if (wants('logs'))
    await emit(async () => logsFigures(rounds, Number(values['log-mb']), await mkdtemp(join(home, 'logs-'))));
} finally {
  await rm(home, { recursive: true, force: true });
  process.stderr.write(`\n${toTable(taken)}`);
}
process.exitCode = taken.every(isReached) ? 0 : 1;
