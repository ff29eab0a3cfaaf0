// Answers of real engines, recorded for tests that need none: npm run record -- --help
import { ENGINES_TO_NAME, enginesNamed, loadEngine, unknownEngines } from './engines/lab/known-engines.js';
import { makeLab } from './engines/lab/lab.js';
import { runNode } from './suites/run-suites.js';
import { endWithUsage, readOptions } from './usage.js';

const USAGE = `Usage: npm run record -- ENGINE... [--keep]

Brings each real engine up, asks it through its adapter for all that the adapter reads, writes what was said to
test/engines/recorded, cleaned of secrets and of places of this machine, and takes down what was not up before.
test/engines/recorded-answers.test.ts holds the adapters to it without an engine. Others may use the engine meanwhile, as long
as they do not stop it. A minute or two for each that is up.

  --keep  engines stay up

${ENGINES_TO_NAME}`;

const { values, positionals } = readOptions(
  USAGE,
  {
    keep: { type: 'boolean', default: false },
  },
  true,
);
const complaint = positionals.length === 0 ? 'Which engine?' : unknownEngines(positionals);
if (complaint !== undefined) endWithUsage(USAGE, complaint);

let recorded = true;
for (const name of enginesNamed(positionals)) recorded = (await record(name)) && recorded;
process.exit(recorded ? 0 : 1);

async function record(name) {
  const engine = await loadEngine(name);
  const lab = makeLab(name);
  const wasUp = (await engine.status(lab)).state === 'up';
  try {
    await engine.up(lab);
    const { endpoint } = await engine.status(lab);
    const program = ['--import', './scripts/typescript-loader.js', 'test/support/recorded/record.process.ts'];
    return await runNode([...program, '--engine', name, '--endpoint', endpoint]);
  } finally {
    if (!wasUp && !values.keep) await engine.down(lab);
  }
}
