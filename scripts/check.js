// What `npm test` runs, in this order: build, lint, the committed OpenAPI document, every suite. Only npm is needed.
// A static check that fails ends it; the suites run last. The last line is `N passed, N failed`, skipped ones added when there
// are any: the tests of jest, and one for each static check.
import { join } from 'node:path';
import { endWith, root, runNode, runSuites } from './suites/run-suites.js';

const bin = (name) => join(root, 'node_modules', name);
const STATIC_CHECKS = [
  ['build and types', ['scripts/build.js', '--with-tests']],
  ['lint', [bin('eslint/bin/eslint.js'), '.']],
  ['format', [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
  ['openapi.json is what the code says', ['dist/src/write-openapi.js', '--check']],
];

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const [name, args] of STATIC_CHECKS) {
  const ok = await timed(name, () => runNode(args));
  counts[ok ? 'passed' : 'failed'] += 1;
  if (!ok) endWith(counts);
}
await timed('tests', async () => {
  const tests = await runSuites();
  for (const count of Object.keys(counts)) counts[count] += tests[count];
  return tests.failed === 0;
});
endWith(counts);

async function timed(name, work) {
  process.stdout.write(`\n== ${name}\n`);
  const began = performance.now();
  const ok = await work();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${ok ? 'passed' : 'FAILED'} in ${seconds} s\n`);
  return ok;
}
