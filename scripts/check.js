// What `npm test` runs, in this order: build, lint, the committed OpenAPI document, every suite. Only npm is needed.
// A static check that fails ends it; the suites run last. The last line is `N passed, N failed`, skipped ones added when there
// are any: the tests of jest, and one for each static check.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules', name);
const STATIC_CHECKS = [
  ['build and types', ['scripts/build.js', '--with-tests']],
  ['lint', [bin('eslint/bin/eslint.js'), '.']],
  ['format', [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
  ['openapi.json is what the code says', ['dist/src/write-openapi.js', '--check']],
];

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const [name, args] of STATIC_CHECKS) {
  const ok = await timed(name, () => node(args));
  counts[ok ? 'passed' : 'failed'] += 1;
  if (!ok) end();
}
await timed('tests', runSuites);
end();

async function runSuites() {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-check-'));
  const report = join(folder, 'jest.json');
  try {
    const options = ['--experimental-vm-modules', '--no-warnings', bin('jest/bin/jest.js')];
    const ok = await node([...options, '--json', `--outputFile=${report}`]);
    const result = readReport(report);
    counts.passed += result.numPassedTests;
    counts.skipped += result.numPendingTests + result.numTodoTests;
    // A suite that cannot even be loaded has no tests to count.
    counts.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    // jest can also fail beside its tests, for example when its set-up does.
    if (!ok && counts.failed === 0) counts.failed += 1;
    return ok;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numPendingTests: 0, numTodoTests: 0, numFailedTests: 1, numRuntimeErrorTestSuites: 0 };
  }
}

async function timed(name, work) {
  process.stdout.write(`\n== ${name}\n`);
  const began = performance.now();
  const ok = await work();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${ok ? 'passed' : 'FAILED'} in ${seconds} s\n`);
  return ok;
}

/** Runs a script with this node; true when it exits with 0. */
function node(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

function end() {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  process.exit(counts.failed > 0 ? 1 : 0);
}
