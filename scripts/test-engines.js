// The suites of real engines, each on its engine: npm run test:engines -- --help
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ENGINES_TO_NAME, enginesNamed, loadEngine, unknownEngines } from './engines/lab/known-engines.js';
import { makeLab } from './engines/lab/lab.js';
import { endWith, root, runSuites } from './suites/run-suites.js';
import { endWithUsage, readOptions } from './usage.js';

const USAGE = `Usage: npm run test:engines -- [ENGINE...] [--quick | --faults] [--keep]

Brings each engine up, runs every suite that asks for it, and takes down what was not up before. The last line is the count.
What befalls an engine is tried only on one that was not up before, or with --faults.

  --quick   only what goes through Signalbox's own API (test/engines)
  --faults  only what befalls the engine (test/engine-faults): it is killed, restored and put into disorder meanwhile
  --keep    engines stay up

${ENGINES_TO_NAME}`;

const { values, positionals } = readOptions(
  USAGE,
  {
    quick: { type: 'boolean', default: false },
    faults: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
  true,
);
const complaint = unknownEngines(positionals);
if (complaint !== undefined) endWithUsage(USAGE, complaint);

const API = 'test/engines';
const FAULTS = 'test/engine-faults';
/** One after the other: what befalls an engine leaves traces. */
const rounds = values.quick ? [[API]] : values.faults ? [[FAULTS]] : [[API, 'adapters'], [FAULTS]];
const isOurs = (folders, wasUp) => !wasUp || values.faults || !folders.includes(FAULTS);

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const name of enginesNamed(positionals)) await testOn(name);
endWith(counts);

async function testOn(name) {
  const engine = await loadEngine(name);
  const lab = makeLab(name);
  const wasUp = (await engine.status(lab)).state === 'up';
  process.stdout.write(`\n== ${name}\n`);
  const began = performance.now();
  try {
    await engine.up(lab);
    const upAfter = secondsSince(began);
    const { variable, endpoint } = await engine.status(lab);
    for (const folders of rounds.filter((one) => isOurs(one, wasUp))) {
      const from = performance.now();
      const tests = await runSuites(['--maxWorkers=1', ...suitesOf(variable, folders)], { [variable]: endpoint });
      for (const count of Object.keys(counts)) counts[count] += tests[count];
      process.stdout.write(`== ${name}, ${folders.join(' and ')}: ${tests.passed} passed, ${tests.failed} failed, `);
      process.stdout.write(`${tests.skipped} skipped, ${secondsSince(from)} s\n`);
    }
    process.stdout.write(`== ${name}: up after ${upAfter} s, ${secondsSince(began)} s in all\n`);
  } catch (error) {
    counts.failed += 1;
    process.stdout.write(`== ${name}: FAILED: ${error.message}\n`);
  } finally {
    if (!wasUp && !values.keep) await engine.down(lab);
  }
}

/** Test files of the folders that name the variable, or stand on a file that does. */
function suitesOf(variable, folders) {
  const files = [API, 'adapters', FAULTS].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file)),
  );
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
  const naming = files.filter((file) => texts.get(file).includes(`'${variable}'`));
  const imported = naming.map((file) => `/${basename(file, '.ts')}.js'`);
  return files.filter(
    (file) =>
      file.endsWith('.test.ts') &&
      folders.some((folder) => file.startsWith(`${folder}/`)) &&
      (naming.includes(file) || imported.some((name) => texts.get(file).includes(name))),
  );
}

function secondsSince(began) {
  return Math.round((performance.now() - began) / 1000);
}
