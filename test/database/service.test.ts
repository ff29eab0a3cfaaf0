import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { rawRequest } from '../support/probe-app.js';

const LOADER = './scripts/typescript-loader.js';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `signalbox <command>` from the sources; `whenUp` gets the base URL once it listens, and may end it. */
async function service(
  command: string,
  env: Record<string, string>,
  whenUp: (url: string, signal: (name: 'SIGTERM' | 'SIGINT') => void) => Promise<void> = async () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', LOADER, 'src/cli/main.ts', ...command.split(' ')], {
    env: { PATH: process.env['PATH'] ?? '', NODE_NO_WARNINGS: '1', DATA_DIR: folder, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let up: Promise<void> | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const url = /http:\/\/[0-9.]+:\d+/.exec(stdout)?.[0];
    if (url !== undefined) up ??= whenUp(url, (name) => child.kill(name));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  await up;
  return { code, stdout, stderr };
}

const WRONG_ENGINES = `engines:
  - { name: old, kind: airflow, options: { username: someone, password: secret } }
  - { name: local, kind: local }
  - { name: argo, kind: argo, options: { access: kubernetes, kubeconfig: /nowhere } }
`;

let db: TestDatabase;
let folder: string;
let taken: Server;
let takenPort: string;
beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-service-'));
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  await writeFile(join(folder, 'engines.yaml'), 'engines: [{ name: local, kind: local, options: { maxTask: 1 } }]');
  await writeFile(join(folder, 'wrong-engines.yaml'), WRONG_ENGINES);
  takenPort = String((taken.address() as AddressInfo).port);
});
afterAll(async () => {
  taken.close();
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

describe('a service that cannot start says why in one line and ends with', () => {
  const rows: { reason: string; role: string; env: () => Record<string, string>; code: number; says: RegExp }[] = [
    {
      reason: '78 for a bad configuration, every key named',
      role: 'server',
      env: () => ({ PORT: 'x', REFRESH_TIMEOUT: 'soon' }),
      code: 78,
      says: /PORT is "x".*REFRESH_TIMEOUT is "soon"/,
    },
    {
      reason: '78 for a bad engines file',
      role: 'server',
      env: () => ({ ENGINES_FILE: '/nowhere/engines.yaml', DATABASE_URL: db.url }),
      code: 78,
      says: /ENGINES_FILE \/nowhere\/engines.yaml: cannot be read/,
    },
    {
      reason: '78 for an API without the database that its workers have',
      role: 'api',
      env: () => ({}),
      code: 78,
      says: /`signalbox api` needs DATABASE_URL/,
    },
    {
      reason: '78 for a worker without it',
      role: 'worker',
      env: () => ({}),
      code: 78,
      says: /`signalbox worker` needs/,
    },
    {
      reason: '78 for an option that an engine does not have',
      role: 'worker',
      env: () => ({ ENGINES_FILE: join(folder, 'engines.yaml'), DATABASE_URL: db.url }),
      code: 78,
      says: /engines.yaml: engines\[0\] \(local\).options: .*no option "maxTask"/,
    },
    {
      reason: '78 for engines of which several are described wrongly, each named with its fault',
      role: 'api',
      env: () => ({ ENGINES_FILE: join(folder, 'wrong-engines.yaml'), DATABASE_URL: db.url }),
      code: 78,
      says: /engines\[0\] \(old\).options: url is missing.*engines\[2\] \(argo\).options: kubeconfig: \/nowhere cannot be read/,
    },
    {
      reason: '3 for a data directory that is none',
      role: 'server',
      env: () => ({ DATA_DIR: join(folder, 'engines.yaml') }),
      code: 3,
      says: /^DATA_DIR \/.*engines.yaml cannot be used: a file is in the way/,
    },
    {
      reason: '2 for an engine that does not exist',
      role: 'reconcile --engine nowhere',
      env: () => ({ DATABASE_URL: db.url }),
      code: 2,
      says: /^There is no engine "nowhere"; configured are: local/,
    },
    {
      reason: '3 for a port that is taken',
      role: 'server',
      env: () => ({ DATABASE_URL: db.url, PORT: takenPort }),
      code: 3,
      says: /^Port \d+ of 127.0.0.1 is taken/,
    },
    {
      reason: '3 for a database that does not answer',
      role: 'api',
      env: () => ({ DATABASE_URL: 'postgresql://someone:hunter2@127.0.0.1:1/signalbox' }),
      code: 3,
      says: /^The database at 127.0.0.1:1 does not answer \(ECONNREFUSED\)/,
    },
    {
      reason: '3 for a database that refuses the user',
      role: 'api',
      env: () => ({ DATABASE_URL: db.url.replace(/:[^:@]+@/, ':hunter2@') }),
      code: 3,
      says: /refuses the user of DATABASE_URL/,
    },
    {
      reason: '3 for a database that does not exist',
      role: 'server',
      env: () => ({ DATABASE_URL: db.url.replace(/[^/]+$/, 'nothing_there') }),
      code: 3,
      says: /does not exist/,
    },
    {
      reason: '78 for a database without its migrations',
      role: 'worker',
      env: () => ({ DATABASE_URL: db.url.replace(/[^/]+$/, 'postgres') }),
      code: 78,
      says: /run `signalbox migrate` first/,
    },
  ];
  test.each(rows)('$reason', async ({ role, env, code, says }) => {
    const ended = await service(role, env());
    const lines = ended.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    expect([ended.code, lines]).toEqual([code, [expect.stringMatching(says)]]);
    expect(ended.stderr).not.toMatch(/hunter2|\n\s+at /);
  });
});

describe('a service that runs', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and ends with 0', async (signal) => {
    const ended = await service('server', { DATABASE_URL: db.url }, async (url, send) => {
      expect((await rawRequest(`${url}/readyz`)).status).toBe(200);
      send(signal);
    });
    expect([ended.code, ended.stderr.includes('"level":"error"')]).toEqual([0, false]);
  });

  test('takes a Ctrl-C that comes twice, from the terminal and from npm, for one', async () => {
    const ended = await service('server', { DATABASE_URL: db.url }, async (_url, send) => {
      send('SIGINT');
      await sleep(20);
      send('SIGINT');
    });
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain('stopped');
  });

  test('with only the API role is ready as well', async () => {
    const ended = await service('api', { DATABASE_URL: db.url }, async (url, send) => {
      expect((await rawRequest(`${url}/v1/workflow-runs`)).status).toBe(200);
      send('SIGTERM');
    });
    expect(ended.code).toBe(0);
  });

  test('refuses a second one on its data directory', async () => {
    let second: Ended | undefined;
    const first = await service('server', { DATABASE_URL: db.url }, async (_url, send) => {
      second = await service('server', { DATABASE_URL: db.url });
      send('SIGTERM');
    });
    expect([first.code, second?.code]).toEqual([0, 3]);
    expect(second?.stderr).toMatch(/in use/);
  });
});

test('reconcile passes over the engines once and ends', async () => {
  const ended = await service('reconcile', { DATABASE_URL: db.url });
  expect([ended.code, ended.stdout]).toEqual([0, expect.stringMatching(/^local: 0 checked, 0 changed, 0 failed/)]);
});

test('migrate says that there is nothing to do', async () => {
  const ended = await service('migrate', { DATABASE_URL: db.url });
  expect([ended.code, ended.stdout]).toEqual([0, 'The database is up to date.\n']);
});

test('migrate --json says what was applied', async () => {
  const ended = await service('migrate --json', { DATABASE_URL: db.url });
  expect([ended.code, ended.stdout]).toEqual([0, '{"applied":[]}\n']);
});
