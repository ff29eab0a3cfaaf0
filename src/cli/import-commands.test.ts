/** `workflows discover` and `workflows import` against the real service before an engine into which people put things. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { callCli, type CliResult } from '../../test/support/run-cli.js';
import { startScriptedEngine, type ScriptedEngine } from '../../test/support/scripted-engine/scripted-engine-server.js';
import { scriptedEngineKind } from '../../test/support/scripted-engine/scripted-engine.engine-kind.js';
import { ENGINE_KINDS } from '../engines/registry.js';

let engine: ScriptedEngine;
let app: TestApp;
const cli = (...args: string[]): Promise<CliResult> => callCli(['workflows', ...args], { SIGNALBOX_URL: app.url });

beforeAll(async () => {
  engine = await startScriptedEngine();
  const entries = [
    { name: 'prod', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 10_000 },
    { name: 'local', kind: 'local', options: {}, callsPerSecond: 10_000 },
  ];
  app = await startTestApp({ engines: { kinds: [...ENGINE_KINDS, scriptedEngineKind], entries } });
  for (const name of ['sales', 'report', 'stock']) engine.controls.offer(name, '{}', { labels: { tag: 'nightly' } });
  engine.controls.offer('_hidden', '{}', { labels: { tag: 'nightly' } });
  engine.controls.offer('manual', '{}', { paused: true });
});
afterAll(async () => {
  await app.close();
  await engine.close();
});

test('discover shows what could be imported, and why something could not', async () => {
  const { code, stdout } = await cli('discover', '--engine', 'prod');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^REFERENCE +TITLE +LABELS +PAUSED +IMPORTED AS +WHY NOT\n/);
  expect(stdout).toMatch(/^sales +sales +tag=nightly$/m);
  expect(stdout).toMatch(/^manual +manual +yes$/m);
  expect(stdout).toMatch(/^_hidden .*cannot be a title/m);
});

test('a dry run says what an import would do', async () => {
  const { code, stdout, stderr } = await cli('import', '--engine', 'prod', '-l', 'tag=nightly', '--dry-run');
  expect(code).toBe(0);
  expect(stdout.split('\n').filter((line) => line.startsWith('would be imported'))).toHaveLength(3);
  expect(stderr).toBe('3 would be imported, 0 unchanged, 1 refused.\n');
  expect((await cli('list', '--engine', 'prod', '--json')).stdout).toBe('{"items":[]}\n');
});

test('import registers what is named, and then all that match; again it changes nothing', async () => {
  const named = await cli('import', '--engine', 'prod', 'sales');
  expect([named.code, named.stdout]).toEqual([0, 'imported  sales as sales version 1\n']);
  const matching = await cli('import', '--engine', 'prod', '--selector', 'tag=nightly');
  expect(matching.code).toBe(0);
  expect(matching.stdout.split('\n').sort().slice(1)).toEqual([
    'imported  report as report version 1',
    'imported  stock as stock version 1',
    expect.stringMatching(/^refused {2}_hidden: "_hidden" cannot be a title/),
    'unchanged  sales is sales version 1',
  ]);
  expect(matching.stderr).toBe('2 imported, 1 unchanged, 1 refused.\n');
  const again = await cli('import', '--engine', 'prod', '--json');
  const { items } = JSON.parse(again.stdout) as { items: { reference: string; outcome: string }[] };
  expect(Object.fromEntries(items.map((item) => [item.reference, item.outcome]))).toEqual({
    _hidden: 'REFUSED',
    manual: 'IMPORTED',
    report: 'UNCHANGED',
    sales: 'UNCHANGED',
    stock: 'UNCHANGED',
  });
  expect((await cli('discover', '--engine', 'prod')).stdout).toMatch(/^sales +sales +tag=nightly +sales version 1$/m);
});

test.each([
  { args: ['import', '--engine', 'prod', 'nobody'], says: 'refused  nobody', reason: 'a name that is not there' },
  { args: ['import', '--engine', 'prod', 'a', '-l', 'b'], says: 'names or --selector', reason: 'two ways at once' },
  { args: ['import', '--engine', 'prod', '-l', '(('], says: 'label selector', reason: 'a bad selector' },
  { args: ['discover'], says: '--engine', reason: 'no engine' },
  { args: ['discover', '--engine', 'nobody'], says: 'no engine "nobody"', reason: 'an unknown engine' },
  { args: ['discover', '--engine', 'local'], says: 'no workflows of its own', reason: 'an engine without any' },
])('$reason is exit code 2', async ({ args, says }) => {
  const { code, stdout, stderr } = await cli(...args);
  expect(code).toBe(2);
  expect(stdout + stderr).toContain(says);
});
