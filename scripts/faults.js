// The fault catalogue (test/faults/catalogue.ts): npm run faults -- --help
import './typescript-loader.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, runJest } from './suites/run-suites.js';
import { endWithUsage, readOptions } from './usage.js';

const USAGE = `Usage: npm run faults -- [ROW ...] [OPTION ...]

Runs every test whose title names a row of the fault catalogue (test/faults/catalogue.ts), in its full form: half an hour for
all rows, or those named (F19 F20).

  --report  row -> test -> result for every row, with the reason where a row has no test
  --short   in the form of \`npm test\`

The last line is \`N passed, N failed, N without a test\`: rows, not tests. A row that fails, or has no test, ends the run with 1.
`;

const { FAULT_CATALOGUE } = await import(new URL('../test/faults/catalogue.ts', import.meta.url).href);
const ROW = /\bF[1-9]\d?\b/g;

/** Suites that compare what the service does with the most it can: nothing else runs beside their full form. */
const MEASURES = /\boverload\.test\.ts$/;

const { values, positionals: chosen } = readOptions(
  USAGE,
  { report: { type: 'boolean', default: false }, short: { type: 'boolean', default: false } },
  true,
);
const unknown = chosen.filter((id) => !FAULT_CATALOGUE.some((row) => row.id === id));
if (unknown.length > 0) endWithUsage(USAGE, `There is no row ${unknown.join(', ')}.`);
const rows = FAULT_CATALOGUE.filter((row) => chosen.length === 0 || chosen.includes(row.id));
const tests = await runTests(rows.map((row) => row.id));
const counts = { passed: 0, failed: 0, missing: 0 };
for (const row of rows) {
  const own = tests.filter((test) => test.rows.includes(row.id));
  const ran = own.some((test) => !test.skipped);
  const result = !ran ? 'missing' : own.every((test) => test.passed) ? 'passed' : 'failed';
  counts[result] += 1;
  if (values.report || result !== 'passed') print(row, own, result);
}
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.missing} without a test\n`);
if (counts.failed + counts.missing > 0) process.exitCode = 1;

function print(row, own, result) {
  const word = { passed: 'passed', failed: 'FAILED', missing: 'no test' }[result];
  process.stdout.write(`${row.id.padEnd(4)} ${word.padEnd(8)} ${row.area}: ${row.fault}\n`);
  if (own.length === 0) process.stdout.write('     not written yet\n');
  for (const test of own) {
    process.stdout.write(`     ${test.skipped ? '-' : test.passed ? ' ' : '!'} ${test.file}: ${test.title}\n`);
  }
}

/** Every test that names one of the rows, with its result. Files without one are not even loaded. */
async function runTests(ids) {
  const pattern = new RegExp(`\\b(${ids.join('|')})\\b`);
  const files = ['test', 'src', 'adapters']
    .flatMap((folder) => testFiles(join(root, folder)))
    .filter((file) => titlesOf(file).some((title) => pattern.test(title)));
  const beside = files.filter((file) => values.short || !MEASURES.test(file));
  const alone = files.filter((file) => !beside.includes(file));
  return [...(await runFiles(beside, pattern)), ...(await runFiles(alone, pattern))];
}

async function runFiles(files, pattern) {
  if (files.length === 0) return [];
  const options = ['--testNamePattern', pattern.source, '--runTestsByPath', ...files];
  const { ok, report } = await runJest(options, values.short ? {} : { FAULTS: 'full' });
  if (!report) throw new Error('jest ended without a report; see above');
  const found = report.testResults.flatMap((suite) => resultsOf(suite));
  if (!ok && found.every((test) => test.passed)) {
    process.stderr.write('jest failed beside its tests; see above\n');
    process.exitCode = 1;
  }
  return found;
}

/** A test that this machine cannot run says so in its title (test/support/test-where.ts); others that are pending were not asked for. */
function resultsOf(suite) {
  const file = relative(root, suite.name);
  const results = suite.assertionResults.filter((test) => test.status !== 'pending' || isSkipped(test));
  // A file that cannot be loaded fails every row it names.
  if (results.length === 0)
    return [{ file, title: 'could not be loaded', rows: rowsIn(titlesOf(suite.name).join(' ')), passed: false }];
  return results.map((test) => ({
    file,
    title: test.fullName,
    rows: rowsIn(test.fullName),
    passed: test.status === 'passed' || isSkipped(test),
    skipped: isSkipped(test),
  }));
}

function isSkipped(test) {
  return test.status === 'pending' && test.fullName.includes('(skipped: ');
}

function rowsIn(text) {
  return [...new Set(text.match(ROW) ?? [])];
}

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Lines that may be titles: strings that name a row. */
function titlesOf(file) {
  return readFileSync(file, 'utf8').match(/['"`][^'"`\n]*\bF[1-9]\d?\b[^'"`\n]*/g) ?? [];
}
