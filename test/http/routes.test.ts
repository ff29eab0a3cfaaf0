import { describe, expect, test } from '@jest/globals';
import { rawRequest } from '../support/probe-app.js';
import { startThings, thingsOfThisFile } from '../support/things-app.js';

const things = thingsOfThisFile();

describe('routes', () => {
  test('every route answers with and without the version', async () => {
    for (const path of ['/v1/things/7', '/things/7', '/things/7/']) {
      const answer = await rawRequest(things.app.url + path);
      expect([path, answer.status, answer.text]).toEqual([path, 200, '{"id":7}']);
    }
  });

  const rows = [
    { reason: 'an unknown route', method: 'GET', path: '/v1/nothing', status: 404, code: 'not-found' },
    { reason: 'the version twice', method: 'GET', path: '/v1/v1/things', status: 404, code: 'not-found' },
    { reason: 'a wrong method', method: 'DELETE', path: '/v1/things/7', status: 405, code: 'method-not-allowed' },
    {
      reason: 'a wrong method without the version',
      method: 'PATCH',
      path: '/things',
      status: 405,
      code: 'method-not-allowed',
    },
    {
      reason: 'a path that is not well-formed',
      method: 'GET',
      path: '/v1/things/%zz',
      status: 400,
      code: 'malformed-request',
    },
    { reason: 'an id that is none', method: 'GET', path: '/v1/things/seven', status: 422, code: 'validation-failed' },
    {
      reason: 'a problem with its headers',
      method: 'GET',
      path: '/v1/things/busy',
      status: 429,
      code: 'too-many-requests',
    },
  ];
  test.each(rows)('$reason: $status', async ({ method, path, status, code }) => {
    const answer = await rawRequest(things.app.url + path, { method });
    expect([answer.status, JSON.parse(answer.text).code, JSON.parse(answer.text).instance]).toEqual([
      status,
      code,
      path,
    ]);
  });

  test('405 says which methods there are; OPTIONS says it with 204; HEAD answers as GET without a body', async () => {
    expect((await rawRequest(`${things.app.url}/v1/things`, { method: 'PUT' })).headers.allow).toBe(
      'GET, HEAD, OPTIONS, POST',
    );
    const options = await rawRequest(`${things.app.url}/v1/things`, { method: 'OPTIONS' });
    expect([options.status, options.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
    const head = await rawRequest(`${things.app.url}/v1/things/7`, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.text]).toEqual([200, '8', '']);
  });

  test('Retry-After and extensions are part of a problem', async () => {
    const answer = await rawRequest(`${things.app.url}/v1/things/busy`);
    expect(answer.headers['retry-after']).toBe('7');
    expect(JSON.parse(answer.text)).toMatchObject({ allowed_actions: [] });
  });

  test('an id beyond 2^53 exists as little as any other', async () => {
    expect((await rawRequest(`${things.app.url}/v1/things/99999999999999999999`)).text).toBe('{"id":9007199254740991}');
  });

  test('an error of ours says nothing about itself, and the log has it under the trace id', async () => {
    const answer = await rawRequest(`${things.app.url}/v1/things/secretive`);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/SELECT|passwd|postgres/);
    const { trace_id: traceId } = JSON.parse(answer.text);
    expect(things.app.lines.find((line) => line.includes(traceId) && line.includes('passwd'))).toBeDefined();
  });
});

test('the API page needs nothing from elsewhere', async () => {
  const page = await rawRequest(`${things.app.url}/docs`);
  expect(page.status).toBe(200);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(links.every((link) => link.startsWith('/docs/'))).toBe(true);
  for (const link of links) expect([link, (await rawRequest(things.app.url + link)).status]).toEqual([link, 200]);
  expect(page.headers['content-security-policy']).toContain("script-src 'self'");
  expect((await rawRequest(`${things.app.url}/docs/page.js`)).text).toContain('validatorUrl: null');
});

test.each(['/docs/x', '/docs/..%2fpackage.json', '/docs/__proto__'])('there is no %s beside the page', async (path) => {
  const answer = await rawRequest(things.app.url + path);
  expect([answer.status, answer.headers.allow]).toEqual([404, undefined]);
});

test.each(['/', '/v1', '/v1/'])('%s says where everything is, and sends browsers to the page', async (path) => {
  const answer = await rawRequest(things.app.url + path);
  expect(answer.status).toBe(200);
  const index = JSON.parse(answer.text) as Record<string, string>;
  expect(index).toMatchObject({ name: 'signalbox', api: '/v1' });
  for (const at of ['openapi', 'docs', 'ready']) {
    expect([at, (await rawRequest(`${things.app.url}${index[at]}`)).status]).toEqual([at, 200]);
  }
  const browser = await rawRequest(things.app.url + path, { headers: { accept: 'text/html,*/*;q=0.8' } });
  expect([browser.status, browser.headers.location]).toEqual([302, '/docs']);
});

test('a stopping service refuses new requests cleanly and says that it is alive and not ready', async () => {
  const stopping = await startThings(things.database);
  stopping.drain.begin();
  const answer = await rawRequest(`${stopping.url}/things/7`);
  expect([answer.status, answer.headers['retry-after'], answer.headers.connection]).toEqual([503, '1', 'close']);
  expect(JSON.parse(answer.text).code).toBe('shutting-down');
  expect((await rawRequest(`${stopping.url}/readyz`)).status).toBe(503);
  expect((await rawRequest(`${stopping.url}/livez`)).status).toBe(200);
  await stopping.close();
});
