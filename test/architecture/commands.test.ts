/** The developers' commands say how they are used before they begin anything long. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const SCRIPTS = [
  'bench',
  'chaos',
  'engine-figures',
  'engines',
  'faults',
  'fuzz',
  'mutate',
  'record-answers',
  'test-engines',
];

function run(script: string, option: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [`scripts/${script}.js`, option], { encoding: 'utf8', timeout: 60_000 });
}

test.each(SCRIPTS)('%s explains itself', (script) => {
  const { status, stdout, stderr } = run(script, '--help');
  expect(status).toBe(0);
  expect(stdout + stderr).toMatch(/^(Usage: )?npm run \S+ -- /);
});

test.each(SCRIPTS)('%s refuses an option that there is not', (script) => {
  const { status, stdout, stderr } = run(script, '--no-such-option');
  expect(status).toBeGreaterThan(0);
  expect(stderr).toContain('--no-such-option');
  expect(stdout).toBe('');
});
