import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseArgoOptions } from './argo-options.js';
import { bearerFrom } from './bearer.js';
import { readKubeconfig } from './kubeconfig.js';

const SERVER = { url: 'https://argo.example:2746/', namespace: 'argo' };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-argo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function kubeconfig(user: object, cluster: object = { server: 'https://10.0.0.1:6443/' }): Promise<string> {
  const file = join(folder, 'kubeconfig');
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'team' } }],
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe('parseArgoOptions', () => {
  test('takes argo-server by default, and keeps what ended for a week', () => {
    const { keepSeconds, uiUrl, access } = parseArgoOptions(SERVER);
    expect([keepSeconds, uiUrl, access.server !== undefined]).toEqual([604_800, 'https://argo.example:2746', true]);
  });

  test('takes the namespace of a kubeconfig, and declares no server', async () => {
    const file = await kubeconfig({ token: 't' });
    const { namespace, access } = parseArgoOptions({ access: 'kubernetes', kubeconfig: file });
    expect([namespace, access.server]).toEqual(['team', undefined]);
  });

  const rows: [key: string, options: Record<string, unknown>][] = [
    ['access', { access: 'magic' }],
    ['url', { namespace: 'argo' }],
    ['url', { ...SERVER, url: 'ftp://x' }],
    ['namespace', { url: SERVER.url }],
    ['namespace', { ...SERVER, namespace: '../x' }],
    ['keep', { ...SERVER, keep: '1s' }],
    ['token', { ...SERVER, token: 7 }],
    ['tokenFile', { ...SERVER, token: 'a', tokenFile: 'b' }],
    ['insecure', { ...SERVER, insecure: 'yes' }],
    ['kubeconfig', { ...SERVER, kubeconfig: 'x' }],
    ['url', { access: 'kubernetes', url: 'https://x' }],
  ];
  test.each(rows)('names the bad key %s', (key, options) => {
    expect(() => parseArgoOptions(options)).toThrow(new RegExp(`^${key}: `));
  });
});

describe('readKubeconfig', () => {
  test('reads certificates that stand in it, and shows no trailing slash', async () => {
    const data = Buffer.from('PEM').toString('base64');
    const file = await kubeconfig(
      { 'client-certificate-data': data, 'client-key-data': data },
      { server: 'https://10.0.0.1:6443/', 'certificate-authority-data': data },
    );
    const { endpoint } = readKubeconfig(file);
    expect(endpoint).toMatchObject({ url: 'https://10.0.0.1:6443', tls: { ca: 'PEM', cert: 'PEM', key: 'PEM' } });
  });

  test('refuses to start programs, and says what is missing', async () => {
    const file = await kubeconfig({ exec: { command: 'login' } });
    expect(() => readKubeconfig(file)).toThrow('"exec"');
    expect(() => readKubeconfig(file, 'other')).toThrow('no context "other"');
  });
});

test('a token in a file that is not there is a credential that is missing', async () => {
  await expect(bearerFrom({ tokenFile: join(folder, 'nowhere') })()).rejects.toMatchObject({ code: 'unauthorized' });
  await writeFile(join(folder, 'token'), 'abc\n');
  expect(await bearerFrom({ tokenFile: join(folder, 'token') })()).toBe('abc');
});
