// Figures of real engines: npm run figures -- --help; test/engine-figures has one file for each.
import { ENGINES_TO_NAME, loadEngine, unknownEngines } from './engines/lab/known-engines.js';
import { makeLab } from './engines/lab/lab.js';
import { runNode } from './suites/run-suites.js';
import { endWithUsage, readOptions } from './usage.js';

const USAGE = `Usage: npm run figures -- ENGINE [FIGURE...] [--runs N] [--seed N] [--keep]

Brings one real engine up, takes figures of Signalbox on it, and takes it down if it was not up before.

  exactly-once  200 runs while API and worker are killed and a fifth of the engine's answers is lost
  active        1,000 active runs reconciled: seconds, calls, and the slowest GET beside it
  cancel        50 running runs cancelled at once; an Airflow that was up already must run as many at a time
  logs          delay of a line, a log of 200 MB, the log of a first attempt, the log after its task is gone

  --runs N      other numbers of runs than these
  --seed N      of the kills and the lost answers (1)
  --keep        the engine stays up

${ENGINES_TO_NAME}`;

const { values, positionals } = readOptions(
  USAGE,
  {
    runs: { type: 'string' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
  true,
);
const [name, ...figures] = positionals;
const complaint = name === undefined ? 'Which engine?' : unknownEngines([name]);
if (complaint !== undefined) endWithUsage(USAGE, complaint);

/** Airflow runs few things at once by itself, and fewer in the lab. */
const AT_ONCE = ['PARALLELISM', 'MAX_ACTIVE_RUNS_PER_DAG', 'MAX_ACTIVE_TASKS_PER_DAG'];
for (const setting of AT_ONCE) process.env[`AIRFLOW__CORE__${setting}`] ??= '60';

const engine = await loadEngine(name);
const lab = makeLab(name);
const wasUp = (await engine.status(lab)).state === 'up';
let reached;
try {
  await engine.up(lab);
  const { endpoint } = await engine.status(lab);
  const more = ['runs', 'seed'].flatMap((option) =>
    values[option] === undefined ? [] : [`--${option}`, values[option]],
  );
  const args = ['--engine', name, '--endpoint', endpoint, ...more, ...figures];
  reached = await runNode(['--import', './scripts/typescript-loader.js', 'test/engine-figures/main.ts', ...args]);
} finally {
  if (!wasUp && !values.keep) await engine.down(lab);
}
process.exit(reached ? 0 : 1);
