import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineEntry, EnginesFileRefused, parseEngines, readEnginesFile } from './engines-file.js';

const KINDS = ['local', 'airflow'];
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signalbox-engines-'));
  await writeFile(join(dir, 'secret'), 'from-a-file\n');
});
afterAll(() => rm(dir, { recursive: true }));

const parseOne = (entry: unknown): EngineEntry | undefined =>
  parseEngines('f', { engines: [entry] }, KINDS, { TOKEN: 'from-the-environment' })[0];

describe('parseEngines', () => {
  const accepted: [reason: string, entry: object, result: Partial<EngineEntry>][] = [
    [
      'a remote engine is called fifty times a second',
      { name: 'a', kind: 'airflow' },
      { callsPerSecond: 50, options: {} },
    ],
    ['the local one as often as it likes', { name: 'l', kind: 'local' }, { callsPerSecond: 10_000 }],
    ['or as it is told', { name: 'l', kind: 'local', callsPerSecond: 0.5 }, { callsPerSecond: 0.5 }],
    [
      'runs that begin there are adopted where it says so',
      { name: 'a', kind: 'airflow', adopt: true },
      { adopt: true },
    ],
    [
      'secrets are references, at any depth; everything else is handed on',
      {
        name: 'a',
        kind: 'airflow',
        options: { url: 'u', auth: { token: { env: 'TOKEN' }, scope: ['x'], env: 'e', n: 1 } },
      },
      { options: { url: 'u', auth: { token: 'from-the-environment', scope: ['x'], env: 'e', n: 1 } } },
    ],
  ];
  test.each(accepted)('%s', (_reason, entry, result) => {
    expect(parseOne(entry)).toMatchObject(result);
  });

  test('nothing is adopted unless it is said', () => {
    expect(parseOne({ name: 'a', kind: 'airflow' })).not.toHaveProperty('adopt');
    expect(parseOne({ name: 'a', kind: 'airflow', adopt: false })).not.toHaveProperty('adopt');
  });

  test('a secret in a file ends before its line break', () => {
    const options = { password: { file: join(dir, 'secret') } };
    expect(parseOne({ name: 'a', kind: 'airflow', options })?.options).toEqual({ password: 'from-a-file' });
  });

  const refused: [reason: string, entry: unknown, says: RegExp][] = [
    ['not a map', 'local', /engines\[0\] must be a map/],
    ['no name', { kind: 'local' }, /engines\[0\]\.name must be/],
    ['a name that is no label', { name: '-a', kind: 'local' }, /engines\[0\]\.name must be/],
    ['a name that is too long', { name: 'a'.repeat(64), kind: 'local' }, /engines\[0\]\.name must be/],
    ['a kind nobody wrote', { name: 'a', kind: 'cron' }, /engines\[0\]\.kind must be one of local, airflow/],
    ['a misspelled key', { name: 'a', kind: 'local', option: {} }, /engines\[0\]\.option is not known/],
    ['options that are no map', { name: 'a', kind: 'local', options: [] }, /engines\[0\]\.options must be a map/],
    ['a word for a flag', { name: 'a', kind: 'airflow', adopt: 'yes' }, /engines\[0\]\.adopt must be true or false/],
    ['no calls at all', { name: 'a', kind: 'local', callsPerSecond: 0 }, /callsPerSecond must be a number above 0/],
    ['a rate in words', { name: 'a', kind: 'local', callsPerSecond: 'ten' }, /callsPerSecond must be a number above 0/],
    ['a rate without end', { name: 'a', kind: 'local', callsPerSecond: Infinity }, /callsPerSecond must be a number above 0/],
    ['a variable that is not set', { name: 'a', kind: 'local', options: { t: { env: 'NONE' } } }, /options\.t: the environment variable NONE is not set/],
    ['a file that is not there', { name: 'a', kind: 'local', options: { t: { file: '/none' } } }, /options\.t: the file \/none cannot be read/],
  ]; // prettier-ignore
  test.each(refused)('refused: %s', (_reason, entry, says) => {
    expect(() => parseOne(entry)).toThrow(says);
  });

  test('one message names every bad entry, and a name that is used twice', () => {
    const twice = [
      { name: 'a', kind: 'local' },
      { name: 'a', kind: 'cron' },
      { name: '', kind: 'local' },
    ];
    expect(() => parseEngines('f', { engines: twice }, KINDS, {})).toThrow(
      /^ENGINES_FILE f: .*engines\[1\]\.kind.*engines\[2\]\.name.*the name "a" is used twice/,
    );
  });

  test.each([[null], [[]], [{}], [{ engines: [] }], [{ engines: {} }]])('refused as a whole: %j', (content) => {
    expect(() => parseEngines('f', content, KINDS, {})).toThrow(EnginesFileRefused);
  });
});

describe('readEnginesFile', () => {
  test('without a file there is the local engine', () => {
    expect(readEnginesFile(undefined, KINDS, {})).toMatchObject([{ name: 'local', kind: 'local' }]);
  });

  test('a file is YAML', async () => {
    const file = join(dir, 'engines.yaml');
    await writeFile(file, 'engines:\n  - { name: lab, kind: airflow, options: { url: "http://127.0.0.1:1" } }\n');
    expect(readEnginesFile(file, KINDS, {})).toMatchObject([{ name: 'lab', options: { url: 'http://127.0.0.1:1' } }]);
  });

  test('a file that cannot be read or parsed is refused in one sentence', async () => {
    expect(() => readEnginesFile(join(dir, 'none.yaml'), KINDS, {})).toThrow(/cannot be read \(ENOENT\)/);
    const file = join(dir, 'broken.yaml');
    await writeFile(file, 'engines: [\n');
    expect(() => readEnginesFile(file, KINDS, {})).toThrow(/is not YAML: [^\n]*$/);
  });
});
