import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { CONFIG_SCHEMA } from './config-schema.js';
import { ConfigRefused, readConfig } from './read-config.js';

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    readConfig(env, '/home');
    return [];
  } catch (error) {
    if (error instanceof ConfigRefused) return error.faults;
    throw error;
  }
};

test('an empty environment gives the defaults', () => {
  const config = readConfig({}, '/home');
  expect(config).toMatchObject({
    host: '127.0.0.1',
    port: 8380,
    databaseUrl: undefined,
    dataDir: '/home/.signalbox',
    refreshMaxAgeMs: 1_000,
    idempotencyRetentionMs: 7 * 86_400_000,
    runRetentionMs: 0,
  });
  const withoutDefault = CONFIG_SCHEMA.filter((entry) => entry.default === undefined).map((entry) => entry.field);
  for (const [field, value] of Object.entries(config)) {
    expect([field, value === undefined]).toEqual([field, withoutDefault.includes(field as never)]);
  }
});

describe('a value', () => {
  const rows: { reason: string; env: Record<string, string>; field: string; value: unknown }[] = [
    { reason: 'milliseconds', env: { REFRESH_TIMEOUT: '500ms' }, field: 'refreshTimeoutMs', value: 500 },
    { reason: 'a fraction of a second', env: { REFRESH_TIMEOUT: '1.5s' }, field: 'refreshTimeoutMs', value: 1_500 },
    { reason: 'hours', env: { CANCEL_GRACE: '2h' }, field: 'cancelGraceMs', value: 7_200_000 },
    { reason: 'zero needs no unit', env: { REFRESH_MAX_AGE: '0' }, field: 'refreshMaxAgeMs', value: 0 },
    { reason: 'blanks around it do not count', env: { PORT: ' 80 ' }, field: 'port', value: 80 },
    { reason: 'an empty one is absent', env: { PORT: '' }, field: 'port', value: 8380 },
    { reason: 'a relative path', env: { DATA_DIR: 'data' }, field: 'dataDir', value: '/home/data' },
    { reason: 'an absolute path', env: { DATA_DIR: '/data' }, field: 'dataDir', value: '/data' },
  ];
  test.each(rows)('$reason', ({ env, field, value }) => {
    expect(readConfig(env, '/home')[field as 'port']).toBe(value);
  });
});

describe('refused', () => {
  const rows: { reason: string; env: Record<string, string>; fault: RegExp }[] = [
    {
      reason: 'a duration without a unit',
      env: { REFRESH_TIMEOUT: '5' },
      fault: /^REFRESH_TIMEOUT is "5", .*500ms.*1ms to 1m$/,
    },
    { reason: 'a duration out of bounds', env: { REFRESH_TIMEOUT: '2m' }, fault: /^REFRESH_TIMEOUT is "2m"/ },
    { reason: 'a port beyond the last', env: { PORT: '70000' }, fault: /^PORT is "70000".* 0 to 65535$/ },
    { reason: 'a port that is no number', env: { PORT: '0x50' }, fault: /^PORT is "0x50"/ },
    { reason: 'a negative number', env: { ENGINE_SLOTS: '-1' }, fault: /^ENGINE_SLOTS is "-1"/ },
    { reason: 'a level that is none', env: { LOG_LEVEL: 'loud' }, fault: /^LOG_LEVEL .*trace, debug, info/ },
    {
      reason: 'a URL of another kind',
      env: { DATABASE_URL: 'mysql://u:p@h/d' },
      fault: /^DATABASE_URL must .*postgres:\/\//,
    },
    {
      reason: 'a file of a secret that is not there',
      env: { DATABASE_URL_FILE: '/nowhere/x' },
      fault: /DATABASE_URL_FILE "\/nowhere\/x" \(ENOENT\)/,
    },
    {
      reason: 'a secret given twice',
      env: { DATABASE_URL: 'postgres://h/d', DATABASE_URL_FILE: '/x' },
      fault: /both set/,
    },
    {
      reason: 'a lease that a call outlives',
      env: { LEASE: '5s' },
      fault: /^LEASE must be longer than ENGINE_TIMEOUT$/,
    },
  ];
  test.each(rows)('$reason', ({ env, fault }) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(fault)]);
  });

  test('is everything at once, in one message', () => {
    const env = { PORT: 'x', LOG_LEVEL: 'loud', CANCEL_GRACE: 'soon' };
    expect(faultsOf(env)).toHaveLength(3);
    expect(() => readConfig(env, '/')).toThrow(/PORT.*LOG_LEVEL.*CANCEL_GRACE/);
  });

  test('are no keys of others', () => {
    expect(faultsOf({ SIGNALBOX_URL: 'x', PORTS: 'x', HOME: 'x' })).toEqual([]);
  });
});

describe('a secret', () => {
  const url = 'postgresql://user:hunter2@db/signalbox';

  test('is never shown, however it is printed', () => {
    const config = readConfig({ DATABASE_URL: url }, '/');
    const shown = [JSON.stringify(config), inspect(config, { depth: 9, showHidden: true }), `${config.databaseUrl}`];
    expect(shown.join()).not.toContain('hunter2');
    expect(config.databaseUrl?.reveal()).toBe(url);
  });

  test('is not in the message that refuses it', () => {
    expect(faultsOf({ DATABASE_URL: 'hunter2' }).join()).not.toContain('hunter2');
  });

  test('may be in a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-config-'));
    writeFileSync(join(folder, 'url'), `${url}\n`);
    expect(readConfig({ DATABASE_URL_FILE: 'url' }, folder).databaseUrl?.reveal()).toBe(url);
    rmSync(folder, { recursive: true });
  });
});

test('every field of the configuration has one key, and every key a meaning', () => {
  const fields = CONFIG_SCHEMA.map((entry) => entry.field);
  expect(new Set(fields).size).toBe(fields.length);
  expect(CONFIG_SCHEMA.filter((entry) => entry.meaning.length < 10)).toEqual([]);
});
