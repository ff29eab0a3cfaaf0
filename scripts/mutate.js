// Mutation testing of the pure core: npm run mutate -- --help
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';
import config from '../stryker.config.js';
import { endWithUsage, readOptions } from './usage.js';

const MOST_SURVIVORS = 0.1;
const USAGE = `Usage: npm run mutate -- [--only TEXT]

Changes every file of stryker.config.js in small ways, one at a time; the tests beside it have to notice. Some minutes.

  --only TEXT  files whose path contains this text; several with commas

A mutant that no test noticed is printed with its place. More than ${MOST_SURVIVORS * 100} % of them in all end with exit code 1.
`;

const { values } = readOptions(USAGE, { only: { type: 'string' } });
const wanted = values.only?.split(',') ?? [''];
const files = config.mutate.filter((file) => wanted.some((text) => file.includes(text)));
if (files.length === 0) endWithUsage(USAGE, `No file of stryker.config.js matches ${values.only}.`);

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const total = { mutants: 0, killed: 0, timedOut: 0, survived: 0, seconds: 0 };
print('file', {
  mutants: 'mutants',
  killed: 'killed',
  timedOut: 'timed out',
  survived: 'survived',
  seconds: 'seconds',
});
for (const file of files) {
  const began = performance.now();
  process.env.SIGNALBOX_MUTATION_TEST = file.replace(/\.ts$/, '{,-*}.test.ts');
  const results = await new Stryker({ ...config, mutate: [file] }).runMutationTest();
  const survivors = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  const counts = {
    // A mutant that cannot even be run proves nothing either way.
    mutants: results.filter(({ status }) => status !== 'RuntimeError' && status !== 'CompileError').length,
    killed: results.filter(({ status }) => status === 'Killed').length,
    timedOut: results.filter(({ status }) => status === 'Timeout').length,
    survived: survivors.length,
    seconds: Math.round((performance.now() - began) / 1000),
  };
  print(file, counts);
  for (const mutant of survivors) {
    const { line, column } = mutant.location.start;
    const place = `${file}:${line}:${column}`;
    const replacement = mutant.replacement?.replace(/\s+/g, ' ') ?? '';
    process.stdout.write(`  ${place} ${mutant.status} ${mutant.mutatorName} -> ${replacement}\n`);
  }
  for (const name of Object.keys(total)) total[name] += counts[name];
}
print('all', total);
const share = total.mutants === 0 ? 1 : total.survived / total.mutants;
process.stdout.write(`${(share * 100).toFixed(1)} % survived, at most ${MOST_SURVIVORS * 100} % may\n`);
process.exitCode = share > MOST_SURVIVORS ? 1 : 0;

function print(name, { mutants, killed, timedOut, survived, seconds }) {
  const columns = [mutants, killed, timedOut, survived, seconds].map((value) => String(value).padStart(10)).join('');
  process.stdout.write(`${name.padEnd(44)}${columns}\n`);
}
