// Runs jest and counts its tests, for the commands that end with one line of counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const JEST = join(root, 'node_modules/jest/bin/jest.js');

/** `{passed, failed, skipped}` of the suites that `args` choose, all without any. */
export async function runSuites(args = [], env = {}) {
  const { ok, report } = await runJest(args, env);
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const counts = {
    passed: report.numPassedTests,
    // A suite that cannot even be loaded has no tests to count.
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
  // jest can also fail beside its tests, for example when its set-up does.
  if (!ok && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** Whether jest was content, and what it reports (`--json`): undefined when it ended without a report. */
export async function runJest(args = [], env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-suites-'));
  const file = join(folder, 'jest.json');
  try {
    const options = ['--experimental-vm-modules', '--no-warnings', JEST, '--json', `--outputFile=${file}`];
    const ok = await runNode([...options, ...args], env);
    return { ok, report: readReport(file) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a script with this node; true when it exits with 0. */
export function runNode(args, env = {}) {
  return new Promise((resolve) => {
    const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } };
    const child = spawn(process.execPath, args, options);
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/** Prints the line of counts and ends the process: with 1 when anything failed. */
export function endWith({ passed, failed, skipped }) {
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exit(failed > 0 ? 1 : 0);
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
