/** `npm run chaos` in small: two of everything and PostgreSQL, killed behind faulty wires; and the same with a bug in it. */
import { expect, test } from '@jest/globals';
import { typeErrors } from '../chaos/bug-types.js';
import { applyChanges, BUGS } from '../chaos/bugs.js';
import { runChaos, type ChaosSummary } from '../chaos/chaos.js';
import { ChaosOptionsRefused, readChaosOptions } from '../chaos/chaos-options.js';
import { describeViolations } from '../support/checker.js';
import { form } from './form.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

/** Less than a test may take. */
const LONGEST_MS = 800_000;

function chaos(...args: string[]): Promise<ChaosSummary> {
  const options = readChaosOptions([...args, '--seed', String(SEED)], SEED);
  if (options === 'help') throw new Error('help was not asked for');
  process.stdout.write(`SEED=${SEED}\n`);
  // Stopped in time it leaves no process behind.
  return runChaos(options, () => undefined, AbortSignal.timeout(LONGEST_MS));
}

test('everything is killed in turn behind faulty wires: nothing is lost, doubled or illegal', async () => {
  const runs = form(60, 2_000);
  const summary = await chaos('--runs', String(runs), '--rate', '10', '--every', '0.2..1s', '--engine', 'both');
  expect(describeViolations(summary.violations)).toBe('');
  expect(Object.values(summary.ends).reduce((sum, count) => sum + count, 0)).toBe(runs);
  expect(Object.values(summary.kills).some((count) => count > 0)).toBe(true);
  expect(Object.keys(summary.faults).length).toBeGreaterThan(0);
  expect(summary.tasks).toBeGreaterThan(0);
}, 900_000);

test('a service that stores keys after the call is caught', async () => {
  // One answer in five is lost, and with it the name of what the engine executes: about twenty-five of so many.
  const load = ['--runs', '150', '--rate', '15', '--lost', '20'];
  const summary = await chaos(...load, '--kill', 'worker', '--every', '1s', '--bug', 'key-after-call');
  expect(summary.doubled).toBeGreaterThan(0);
}, 900_000);

test.each(Object.entries(BUGS))('the bug %s is code that the compiler takes', (_name, bug) => {
  expect(typeErrors(bug)).toEqual([]);
});

test('a bug that no longer fits the sources is said to', () => {
  const bug = BUGS['key-after-call'];
  expect(() => applyChanges(bug, bug.changes[0].file, 'something else')).toThrow('no longer fits');
});

test.each([
  ['--runs', '0'],
  ['--runs', 'many'],
  ['--kill', 'api,clock'],
  ['--every', '2..1s'],
  ['--every', 'often'],
  ['--proxy', 'some'],
  ['--lost', '51'],
  ['--seed', '-1'],
  ['--engine', 'airflow'],
  ['--bug', 'none'],
  ['--nothing', 'known'],
])('%s %s is refused', (name, value) => {
  expect(() => readChaosOptions([`${name}=${value}`], 1)).toThrow(ChaosOptionsRefused);
});
