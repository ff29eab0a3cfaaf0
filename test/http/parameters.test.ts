import { describe, expect, test } from '@jest/globals';
import { rawRequest } from '../support/probe-app.js';
import { thingsOfThisFile } from '../support/things-app.js';

const things = thingsOfThisFile();

describe('parameters and headers', () => {
  const rows: { reason: string; path: string; headers?: Record<string, string>; status: number; parameter?: string }[] =
    [
      { reason: 'a good query', path: '/v1/things?limit=3&state=A&state=B', status: 200 },
      { reason: 'one value of a repeatable one', path: '/v1/things?state=A', status: 200 },
      { reason: 'a bad number', path: '/v1/things?limit=3x', status: 422, parameter: 'limit' },
      { reason: 'a number out of bounds', path: '/v1/things?limit=11', status: 422, parameter: 'limit' },
      { reason: 'one of several values is bad', path: '/v1/things?state=A&state=C', status: 422, parameter: 'state' },
      { reason: 'an unknown parameter', path: '/v1/things?size=3', status: 422, parameter: 'size' },
      { reason: 'a repeated parameter', path: '/v1/things?limit=3&limit=4', status: 422, parameter: 'limit' },
      { reason: 'a parameter where there are none', path: '/v1/things/7?limit=3', status: 422, parameter: 'limit' },
      { reason: '__proto__ as a parameter', path: '/v1/things?__proto__=1', status: 422, parameter: '__proto__' },
      { reason: 'NUL in the path', path: '/v1/things/7%00', status: 422, parameter: 'id' },
      { reason: 'a project', path: '/v1/things', headers: { 'x-project': 'team-a' }, status: 200 },
      {
        reason: 'a project that is no name',
        path: '/v1/things',
        headers: { 'x-project': 'Team_A' },
        status: 422,
        parameter: 'X-Project',
      },
      {
        reason: 'a project that is too long',
        path: '/v1/things',
        headers: { 'x-project': 'a'.repeat(64) },
        status: 422,
        parameter: 'X-Project',
      },
      { reason: 'all projects, where lists are read', path: '/v1/things', headers: { 'x-project': '*' }, status: 200 },
      {
        reason: 'all projects, elsewhere',
        path: '/v1/things/7',
        headers: { 'x-project': '*' },
        status: 422,
        parameter: 'X-Project',
      },
      { reason: 'the project of a client that cannot set headers', path: '/v1/things/7?project=team-a', status: 200 },
      {
        reason: 'two projects',
        path: '/v1/things?project=a',
        headers: { 'x-project': 'b' },
        status: 422,
        parameter: 'project',
      },
      {
        reason: 'a media type that cannot be produced',
        path: '/v1/things',
        headers: { accept: 'text/html' },
        status: 406,
      },
      {
        reason: 'a media type that is refused',
        path: '/v1/things',
        headers: { accept: '*/*, application/json;q=0' },
        status: 406,
      },
      { reason: 'any media type', path: '/v1/things', headers: { accept: 'text/html, */*;q=0.1' }, status: 200 },
    ];
  test.each(rows)('$reason: $status', async ({ path, headers = {}, status, parameter }) => {
    const answer = await rawRequest(things.app.url + path, { headers });
    expect([answer.status, answer.text]).toEqual([status, answer.text]);
    if (parameter !== undefined) expect(JSON.parse(answer.text).errors[0].parameter).toBe(parameter);
  });

  test('the project of the header or of the query reaches the handler, default otherwise', async () => {
    const seen = async (path: string, headers = {}) =>
      JSON.parse((await rawRequest(things.app.url + path, { headers })).text) as { project: string };
    expect((await seen('/v1/things')).project).toBe('default');
    expect((await seen('/v1/things', { 'x-project': 'a' })).project).toBe('a');
    expect((await seen('/v1/things?project=b')).project).toBe('b');
    expect((await seen('/v1/things', { 'x-project': '*' })).project).toBe('*');
  });
});

describe('traces', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test("the caller's trace is continued with a span of our own", async () => {
    const answer = await rawRequest(`${things.app.url}/v1/things/trace`, { headers: { traceparent } });
    const trace = JSON.parse(answer.text);
    expect(trace).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', sampled: true });
    expect(trace.spanId).not.toBe('b7ad6b7169203331');
  });

  test.each(['', 'nonsense', '00-00000000000000000000000000000000-b7ad6b7169203331-01'])(
    'a traceparent that is none (%p) begins a new trace',
    async (bad) => {
      const answer = await rawRequest(`${things.app.url}/v1/things/trace`, { headers: { traceparent: bad } });
      expect(JSON.parse(answer.text).traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    },
  );
});
