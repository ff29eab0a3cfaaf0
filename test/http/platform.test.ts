import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { IdPipe } from '../../src/platform/http/id-pipe.js';
import { Project } from '../../src/platform/http/project.js';
import { Operation } from '../../src/platform/openapi/operation.js';
import { Problem } from '../../src/platform/problem.js';
import { currentTrace } from '../../src/platform/trace.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { rawRequest, rawSocket, startProbeApp, type ProbeApp } from '../support/probe-app.js';

class Inner {
  @IsString()
  @MaxLength(5)
  name!: string;
}

class Thing {
  @IsString()
  title!: string;

  @IsOptional()
  @IsIn(['red', 'green'])
  colour?: string;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Inner)
  inner?: Inner[];

  @IsOptional()
  @IsObject()
  free?: Record<string, unknown>;
}

class ThingQuery {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(10)
  limit?: number;

  @IsOptional()
  @IsIn(['A', 'B'], { each: true })
  state?: string[];
}

const JSON_ANSWER = [{ status: 200, description: 'It.', type: Thing }];

@Controller('things')
class ThingsController {
  @Get()
  @Operation({ id: 'listThings', summary: 'l', problems: [], answers: JSON_ANSWER, allProjects: true })
  list(@Project() project: string, @Query() query: ThingQuery): unknown {
    return { project, query };
  }

  @Get('trace')
  @Operation({ id: 'trace', summary: 't', problems: [], answers: JSON_ANSWER })
  async trace(): Promise<unknown> {
    await Promise.resolve();
    return currentTrace();
  }

  @Get('secretive')
  @Operation({ id: 'secretive', summary: 's', problems: [], answers: JSON_ANSWER })
  fail(): never {
    throw new Error('SELECT secret FROM /etc/passwd postgresql://u:p@h/d');
  }

  @Get('busy')
  @Operation({ id: 'busy', summary: 's', problems: ['too-many-requests'], answers: JSON_ANSWER })
  busy(): never {
    throw new Problem('too-many-requests', {
      detail: 'Later.',
      retryAfterSeconds: 7,
      extensions: { allowed_actions: [] },
    });
  }

  @Get(':id')
  @Operation({ id: 'getThing', summary: 'g', problems: [], answers: JSON_ANSWER })
  get(@Param('id', IdPipe) id: number): unknown {
    return { id };
  }

  @Post()
  @HttpCode(200)
  @Operation({ id: 'createThing', summary: 'c', problems: [], answers: JSON_ANSWER, body: true })
  create(@Project() project: string, @Body() body: Thing): unknown {
    return { project, body, trace: currentTrace()?.traceId };
  }
}

let database: TestDatabase;
let app: ProbeApp;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await startProbeApp(database.database, [ThingsController], { REQUEST_TIMEOUT: '400ms' });
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const json = { 'content-type': 'application/json' };
const post = (body: Buffer | string, headers: Record<string, string> = json) =>
  rawRequest(`${app.url}/v1/things`, { method: 'POST', headers, body });

const deep = (levels: number): string =>
  `{"title":"t","free":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    .replace('"free":[', '"free":{"a":[')
    .replace(/\]}$/, ']}}');

describe('bodies', () => {
  const rows: { reason: string; body: Buffer | string; status: number; code?: string; pointer?: string }[] = [
    { reason: 'a good body', body: '{"title":"t"}', status: 200 },
    { reason: 'a byte order mark is no part of the text', body: '\ufeff{"title":"t"}', status: 200 },
    {
      reason: 'bytes that are not UTF-8',
      body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
      status: 400,
      code: 'malformed-body',
    },
    { reason: 'text that is not JSON', body: '{"title":', status: 400, code: 'malformed-body' },
    { reason: 'a string that never ends', body: '{"title":"t', status: 400, code: 'malformed-body' },
    { reason: '64 levels', body: deep(62), status: 200 },
    { reason: 'more than 64 levels', body: deep(70), status: 400, code: 'malformed-body' },
    {
      reason: 'a million levels do not end the process',
      body: '['.repeat(900_000),
      status: 400,
      code: 'malformed-body',
    },
    { reason: 'a key twice', body: '{"title":"a","title":"b"}', status: 400, code: 'malformed-body' },
    {
      reason: 'a key twice, once escaped',
      body: '{"title":"a","t\\u0069tle":"b"}',
      status: 400,
      code: 'malformed-body',
    },
    { reason: 'the same key in two objects is two keys', body: '{"title":"a","free":{"title":"b"}}', status: 200 },
    { reason: '__proto__', body: '{"title":"t","__proto__":{"x":1}}', status: 422, pointer: '/__proto__' },
    {
      reason: '__proto__, escaped',
      body: '{"title":"t","\\u005f_proto__":{"x":1}}',
      status: 422,
      pointer: '/__proto__',
    },
    {
      reason: 'constructor below a free field',
      body: '{"title":"t","free":{"constructor":1}}',
      status: 422,
      pointer: '/free/constructor',
    },
    {
      reason: 'a name of every object',
      body: '{"title":"t","hasOwnProperty":1}',
      status: 422,
      pointer: '/hasOwnProperty',
    },
    { reason: 'NUL, which PostgreSQL does not keep', body: '{"title":"a\\u0000b"}', status: 422, pointer: '/title' },
    { reason: 'half a surrogate pair', body: '{"title":"a\\ud800b"}', status: 422, pointer: '/title' },
    { reason: 'a whole surrogate pair', body: '{"title":"\\ud83d\\ude00"}', status: 200 },
    {
      reason: 'an integer that would become another',
      body: '{"title":"t","free":{"n":9007199254740993}}',
      status: 422,
      pointer: '/free/n',
    },
    {
      reason: 'a number beyond a double',
      body: '{"title":"t","free":{"n":[1,1e999]}}',
      status: 422,
      pointer: '/free/n/1',
    },
    { reason: 'digits in a string are text', body: '{"title":"9007199254740993"}', status: 200 },
    { reason: 'an unknown field', body: '{"title":"t","size":1}', status: 422, pointer: '/size' },
    { reason: 'a wrong value', body: '{"title":"t","colour":"blue"}', status: 422, pointer: '/colour' },
    {
      reason: 'a wrong value in a list',
      body: '{"title":"t","inner":[{"name":"ok"},{"name":"too long"}]}',
      status: 422,
      pointer: '/inner/1/name',
    },
    {
      reason: 'an unknown field in a list',
      body: '{"title":"t","inner":[{"name":"ok","x":1}]}',
      status: 422,
      pointer: '/inner/0/x',
    },
    { reason: 'a missing field', body: '{}', status: 422, pointer: '/title' },
    { reason: 'no body at all', body: '', status: 422, pointer: '/title' },
    { reason: 'a list', body: '[]', status: 422, pointer: '' },
    { reason: 'null', body: 'null', status: 422, pointer: '' },
  ];
  test.each(rows)('$reason: $status', async ({ body, status, code, pointer }) => {
    const answer = await post(body);
    const content = JSON.parse(answer.text);
    expect([answer.status, answer.text]).toEqual([status, answer.text]);
    if (status === 200) return;
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(content).toMatchObject({ type: `/problems/${content.code}`, status, instance: '/v1/things' });
    expect(content.trace_id).toMatch(/^[0-9a-f]{32}$/);
    if (code !== undefined) expect(content.code).toBe(code);
    if (pointer !== undefined) {
      expect(content.code).toBe('validation-failed');
      expect(content.errors.map((item: { pointer: string }) => item.pointer)).toContain(pointer);
    }
  });

  test('a refused value names the allowed ones, and every fault at once', async () => {
    const content = JSON.parse((await post('{"colour":"blue","size":1}')).text);
    expect(content.errors).toHaveLength(3);
    expect(JSON.stringify(content.errors)).toMatch(/red, green/);
    expect(JSON.stringify(content.errors)).toMatch(/title, colour, inner, free/);
  });

  test('other media types are refused, UTF-8 in words is not', async () => {
    const types = [
      'text/plain',
      'application/xml',
      'application/json; charset=latin1',
      'application/x-www-form-urlencoded',
    ];
    for (const type of types) {
      const answer = await post('{"title":"t"}', { 'content-type': type });
      expect([type, answer.status, JSON.parse(answer.text).code]).toEqual([type, 415, 'unsupported-media-type']);
    }
    expect((await post('{"title":"t"}', { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(200);
  });

  test('more than 1 MiB is refused', async () => {
    const answer = await post(JSON.stringify({ title: 'x'.repeat(1024 * 1024) }));
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([413, 'body-too-large']);
  });

  test('nothing reaches a prototype', async () => {
    await post('{"title":"t","free":{"__proto__":{"polluted":true}}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('requests that do not arrive', () => {
  const head = 'POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

  test('one that takes too long is answered 408', async () => {
    const answer = await rawSocket(app.port, `${head}content-length: 100\r\n\r\n{`);
    expect(answer).toMatch(/^HTTP\/1.1 408 [\s\S]*application\/problem\+json[\s\S]*"code":"request-timeout"/);
  });

  test('one whose head never ends is answered 408', async () => {
    expect(await rawSocket(app.port, 'GET /v1/things HTTP/1.1\r\nho')).toMatch(/^HTTP\/1.1 408 /);
  });

  test('one that is not HTTP is answered 400', async () => {
    expect(await rawSocket(app.port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"malformed-request"/);
  });
});

describe('routes', () => {
  test('every route answers with and without the version', async () => {
    for (const path of ['/v1/things/7', '/things/7', '/things/7/']) {
      const answer = await rawRequest(app.url + path);
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
    const answer = await rawRequest(app.url + path, { method });
    expect([answer.status, JSON.parse(answer.text).code, JSON.parse(answer.text).instance]).toEqual([
      status,
      code,
      path,
    ]);
  });

  test('405 says which methods there are; OPTIONS says it with 204; HEAD answers as GET without a body', async () => {
    expect((await rawRequest(`${app.url}/v1/things`, { method: 'PUT' })).headers.allow).toBe(
      'GET, HEAD, OPTIONS, POST',
    );
    const options = await rawRequest(`${app.url}/v1/things`, { method: 'OPTIONS' });
    expect([options.status, options.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
    const head = await rawRequest(`${app.url}/v1/things/7`, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.text]).toEqual([200, '8', '']);
  });

  test('Retry-After and extensions are part of a problem', async () => {
    const answer = await rawRequest(`${app.url}/v1/things/busy`);
    expect(answer.headers['retry-after']).toBe('7');
    expect(JSON.parse(answer.text)).toMatchObject({ allowed_actions: [] });
  });

  test('an id beyond 2^53 exists as little as any other', async () => {
    expect((await rawRequest(`${app.url}/v1/things/99999999999999999999`)).text).toBe('{"id":9007199254740991}');
  });

  test('an error of ours says nothing about itself, and the log has it under the trace id', async () => {
    const answer = await rawRequest(`${app.url}/v1/things/secretive`);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/SELECT|passwd|postgres/);
    const { trace_id: traceId } = JSON.parse(answer.text);
    expect(app.lines.find((line) => line.includes(traceId) && line.includes('passwd'))).toBeDefined();
  });
});

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
    const answer = await rawRequest(app.url + path, { headers });
    expect([answer.status, answer.text]).toEqual([status, answer.text]);
    if (parameter !== undefined) expect(JSON.parse(answer.text).errors[0].parameter).toBe(parameter);
  });

  test('the project of the header or of the query reaches the handler, default otherwise', async () => {
    const seen = async (path: string, headers = {}) =>
      JSON.parse((await rawRequest(app.url + path, { headers })).text) as { project: string };
    expect((await seen('/v1/things')).project).toBe('default');
    expect((await seen('/v1/things', { 'x-project': 'a' })).project).toBe('a');
    expect((await seen('/v1/things?project=b')).project).toBe('b');
    expect((await seen('/v1/things', { 'x-project': '*' })).project).toBe('*');
  });
});

describe('traces', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test("the caller's trace is continued with a span of our own", async () => {
    const answer = await rawRequest(`${app.url}/v1/things/trace`, { headers: { traceparent } });
    const trace = JSON.parse(answer.text);
    expect(trace).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', sampled: true });
    expect(trace.spanId).not.toBe('b7ad6b7169203331');
  });

  test('the trace is known after a body was read', async () => {
    const answer = await post('{"title":"t"}', { ...json, traceparent });
    expect(JSON.parse(answer.text).trace).toBe('0af7651916cd43dd8448eb211c80319c');
  });

  test.each(['', 'nonsense', '00-00000000000000000000000000000000-b7ad6b7169203331-01'])(
    'a traceparent that is none (%p) begins a new trace',
    async (bad) => {
      const answer = await rawRequest(`${app.url}/v1/things/trace`, { headers: { traceparent: bad } });
      expect(JSON.parse(answer.text).traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    },
  );
});

test('the API page needs nothing from elsewhere', async () => {
  const page = await rawRequest(`${app.url}/docs`);
  expect(page.status).toBe(200);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(links.every((link) => link.startsWith('/docs/'))).toBe(true);
  for (const link of links) expect([link, (await rawRequest(app.url + link)).status]).toEqual([link, 200]);
  expect(page.headers['content-security-policy']).toContain("script-src 'self'");
  expect((await rawRequest(`${app.url}/docs/page.js`)).text).toContain('validatorUrl: null');
});

test.each(['/docs/x', '/docs/..%2fpackage.json', '/docs/__proto__'])('there is no %s beside the page', async (path) => {
  const answer = await rawRequest(app.url + path);
  expect([answer.status, answer.headers.allow]).toEqual([404, undefined]);
});

test.each(['/', '/v1', '/v1/'])('%s says where everything is, and sends browsers to the page', async (path) => {
  const answer = await rawRequest(app.url + path);
  expect(answer.status).toBe(200);
  const index = JSON.parse(answer.text) as Record<string, string>;
  expect(index).toMatchObject({ name: 'signalbox', api: '/v1' });
  for (const at of ['openapi', 'docs', 'ready']) {
    expect([at, (await rawRequest(`${app.url}${index[at]}`)).status]).toEqual([at, 200]);
  }
  const browser = await rawRequest(app.url + path, { headers: { accept: 'text/html,*/*;q=0.8' } });
  expect([browser.status, browser.headers.location]).toEqual([302, '/docs']);
});

test('a stopping service refuses new requests cleanly and says that it is alive and not ready', async () => {
  const stopping = await startProbeApp(database.database, [ThingsController]);
  stopping.drain.begin();
  const answer = await rawRequest(`${stopping.url}/things/7`);
  expect([answer.status, answer.headers['retry-after'], answer.headers.connection]).toEqual([503, '1', 'close']);
  expect(JSON.parse(answer.text).code).toBe('shutting-down');
  expect((await rawRequest(`${stopping.url}/readyz`)).status).toBe(503);
  expect((await rawRequest(`${stopping.url}/livez`)).status).toBe(200);
  await stopping.close();
});
