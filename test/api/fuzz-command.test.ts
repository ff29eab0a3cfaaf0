import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const document = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, { operationId: string }>>;
};

function fuzz(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, ['scripts/fuzz.js', ...args], { encoding: 'utf8' });
}

describe('npm run fuzz', () => {
  test('says how to install what it needs', () => {
    const { status, stderr } = fuzz('--venv', 'no-such-folder');
    expect(status).toBe(3);
    expect(stderr).toContain('pip install schemathesis');
  });

  test.each(['-1', '1e3', 'many', '99999999999'])('refuses --requests %s', (value) => {
    const { status, stderr } = fuzz(`--requests=${value}`);
    expect([status, stderr.split('\n')[0]]).toEqual([2, '--requests is a whole number up to 10000000']);
  });

  test('configures operations that exist', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    const config = readFileSync('scripts/fuzz/schemathesis.toml', 'utf8');
    const named = [...config.matchAll(/^include-operation-id = (.*)$/gm)].flatMap(
      ([, value]) => JSON.parse(`[${value}]`) as (string | string[])[],
    );
    expect(named.flat().length).toBeGreaterThan(5);
    expect(ids).toEqual(expect.arrayContaining(named.flat()));
  });
});
