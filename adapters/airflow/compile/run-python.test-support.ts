/** Runs parts of the constant Python as a process, on the values of a test. */
import { describe, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Json } from '../../../definition/definition-types.js';

const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;

/** A group of tests that need an interpreter; `npm test` asks for nothing beyond npm, so they may be without one. */
export function withPython(name: string, tests: () => void): void {
  if (HAS_PYTHON) return describe(name, tests);
  test.skip(`${name} (there is no python3 on this machine)`, () => undefined);
}

/**
 * `answer` is the body of a function of `given`; the names of the parts are known to it. Values come and go as JSON, read
 * by the constant code itself.
 */
export function runPython(parts: readonly string[], answer: string, given: Json): Json {
  const code = parts.map((part) => readFileSync(new URL(`./python/${part}`, import.meta.url), 'utf8'));
  const program = [
    ...code,
    'import sys',
    'def answer(given):',
    ...answer
      .trim()
      .split('\n')
      .map((line) => `    ${line}`),
    'print(json.dumps(answer(load_json(sys.stdin.read()))))',
  ].join('\n');
  const result = spawnSync('python3', ['-c', program], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status !== 0) throw new Error(`python3: ${result.error?.message ?? result.stderr}`);
  return JSON.parse(result.stdout) as Json;
}
