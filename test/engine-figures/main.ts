/** `npm run figures -- ENGINE [FIGURE ...]`: JSON lines on stdout, the table for people on stderr. Ends with 1 when a goal is missed. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isReached, toLine, toTable, type Figure } from '../bench/figure.js';
import type { ArgoEndpoint } from '../../adapters/argo/argo-endpoint.test-support.js';
import { cancelMany } from './cancel-many.js';
import { exactlyOnce } from './exactly-once.js';
import { manyActive } from './many-active.js';
import type { Measure } from './measure.js';
import { realAirflow } from '../real-engines/real-airflow.js';
import { realArgo } from '../real-engines/real-argo.js';
import type { RealEngine } from '../real-engines/real-engine.js';
import { taskLogs } from './task-logs.js';

const FIGURES: Record<string, { take(measure: Measure): Promise<Figure[]>; runs: number }> = {
  'exactly-once': { take: exactlyOnce, runs: 200 },
  active: { take: manyActive, runs: 1_000 },
  cancel: { take: cancelMany, runs: 50 },
  logs: { take: taskLogs, runs: 1 },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string' },
    endpoint: { type: 'string' },
    runs: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const { engine: name = '', endpoint = '' } = values;
const wanted = positionals.length === 0 ? Object.keys(FIGURES) : positionals;
const unknown = wanted.filter((one) => FIGURES[one] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`There is no figure ${unknown.join(', ')}: ${Object.keys(FIGURES).join(', ')}.\n`);
  process.exit(64);
}

const taken: Figure[] = [];
let failed = 0;
for (const one of wanted) {
  const figure = FIGURES[one];
  if (!figure) continue;
  try {
    const figures = await figure.take({
      engine: realEngine(name, endpoint),
      runs: values.runs === undefined ? figure.runs : Number(values.runs),
      seed: Number(values.seed),
      say: (line) => process.stderr.write(`${name} ${one}: ${line}\n`),
    });
    for (const each of figures) process.stdout.write(`${toLine(each)}\n`);
    taken.push(...figures);
  } catch (error) {
    failed += 1;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stdout.write(`${JSON.stringify({ figure: `${one} ${name}`, error: message, reached: false })}\n`);
  }
}
process.stderr.write(`\n${toTable(taken)}`);
process.exit(failed === 0 && taken.every(isReached) ? 0 : 1);

/** `file` is what the lab wrote about the engine that is up. */
function realEngine(engine: string, file: string): RealEngine {
  const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  return engine === 'argo' ? realArgo(found as unknown as ArgoEndpoint) : realAirflow(engine, found);
}
