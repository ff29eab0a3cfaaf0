/** Who the engine is and who we are: certificates of an authority that nobody but the operator knows. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EngineHttp } from './engine-http.js';
import type { Tls } from './engine-http.js';

const CONTEXT = {
  signal: AbortSignal.timeout(60_000),
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

const obstacle = opensslObstacle();
/** Skipped without openssl; the title says so. */
const testHere = (title: string, work: () => Promise<void>): void =>
  obstacle === undefined ? test(title, work) : test.skip(`${title} (skipped: ${obstacle})`, work);

let folder: string;
let server: Server;
let url: string;
beforeAll(async () => {
  if (obstacle !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'signalbox-tls-'));
  makeAuthority();
  makeCertificate('engine', 'subjectAltName=IP:127.0.0.1');
  makeCertificate('us', 'extendedKeyUsage=clientAuth');
  const identity = { key: pem('engine.key'), cert: pem('engine.crt'), ca: pem('ca.crt') };
  server = createServer({ ...identity, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    response.end(JSON.stringify({ knows: (request.socket as TLSSocket).authorized }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  if (obstacle !== undefined) return;
  server.close();
  rmSync(folder, { recursive: true });
});

testHere('an engine whose authority we were told is trusted, and does not know us', async () => {
  expect(await ask({ ca: pem('ca.crt') })).toEqual({ knows: false });
});

testHere('an engine that knows our authority knows us by our certificate', async () => {
  expect(await ask({ ca: pem('ca.crt'), cert: pem('us.crt'), key: pem('us.key') })).toEqual({ knows: true });
});

testHere('an engine with a certificate of an unknown authority is sent nothing', async () => {
  await expect(ask({})).rejects.toMatchObject({ name: 'EngineError', code: 'unavailable' });
});

testHere('an engine is not checked where the operator says so', async () => {
  expect(await ask({ insecure: true })).toEqual({ knows: false });
});

async function ask(tls: Tls): Promise<unknown> {
  const client = new EngineHttp({ url, tls, readRefusal: () => ({}) });
  try {
    return (await client.request({ method: 'GET', path: '/' }, CONTEXT)).json;
  } finally {
    client.close();
  }
}

function opensslObstacle(): string | undefined {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'needs openssl, to make certificates with';
  }
}

function pem(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

function makeAuthority(): void {
  openssl('req', '-x509', ...newKey('ca'), '-out', 'ca.crt', '-days', '2');
}

function makeCertificate(name: string, extension: string): void {
  writeFileSync(join(folder, `${name}.ext`), extension);
  openssl('req', ...newKey(name), '-out', `${name}.csr`);
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`, '-days', '2', '-extfile', `${name}.ext`);
}

function newKey(name: string): string[] {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  return [...curve, '-keyout', `${name}.key`, '-subj', `/CN=${name}`];
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}
