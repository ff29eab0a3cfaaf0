import { describe, expect, test } from '@jest/globals';
import { rawSocket } from '../support/probe-app.js';
import { thingsOfThisFile } from '../support/things-app.js';

const things = thingsOfThisFile();

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
    const answer = await things.post(body);
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

  test.each([
    { body: '{}', items: [['/title', 'required', 'title is missing.']] },
    { body: '{"title":5}', items: [['/title', 'wrong-type', 'title must be a string.']] },
    {
      body: '{"title":"t","inner":[{"name":5}]}',
      items: [['/inner/0/name', 'wrong-type', 'name must be a string.']],
    },
    { body: '{"title":"t","inner":[{}]}', items: [['/inner/0/name', 'required', 'name is missing.']] },
    { body: '{"title":"t","inner":["x"]}', items: [['/inner/0', 'wrong-type', 'Each of inner must be an object.']] },
    { body: '{"title":"t","inner":[[]]}', items: [['/inner/0', 'wrong-type', 'Each of inner must be an object.']] },
    { body: '{"title":"t","inner":"x"}', items: [['/inner', 'wrong-type', 'inner must be a list.']] },
    { body: '{"title":"t","inner":{}}', items: [['/inner', 'wrong-type', 'inner must be a list.']] },
    {
      body: '{"title":"t","size":1}',
      items: [['/size', 'unknown-field', 'There is no field size here; there are title, colour, inner, free.']],
    },
  ])('what is wrong with $body is said once', async ({ body, items }) => {
    const { errors } = JSON.parse((await things.post(body)).text) as { errors: Record<string, string>[] };
    expect(errors.map(({ pointer, code, message }) => [pointer, code, message])).toEqual(items);
  });

  test('a refused value names the allowed ones, and every fault at once', async () => {
    const content = JSON.parse((await things.post('{"colour":"blue","size":1}')).text);
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
      const answer = await things.post('{"title":"t"}', { 'content-type': type });
      expect([type, answer.status, JSON.parse(answer.text).code]).toEqual([type, 415, 'unsupported-media-type']);
    }
    expect((await things.post('{"title":"t"}', { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(
      200,
    );
  });

  test('more than 1 MiB is refused', async () => {
    const answer = await things.post(JSON.stringify({ title: 'x'.repeat(1024 * 1024) }));
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([413, 'body-too-large']);
  });

  test('nothing reaches a prototype', async () => {
    await things.post('{"title":"t","free":{"__proto__":{"polluted":true}}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('requests that do not arrive', () => {
  const head = 'POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

  test('one that takes too long is answered 408', async () => {
    const answer = await rawSocket(things.app.port, `${head}content-length: 100\r\n\r\n{`);
    expect(answer).toMatch(/^HTTP\/1.1 408 [\s\S]*application\/problem\+json[\s\S]*"code":"request-timeout"/);
  });

  test('one whose head never ends is answered 408', async () => {
    expect(await rawSocket(things.app.port, 'GET /v1/things HTTP/1.1\r\nho')).toMatch(/^HTTP\/1.1 408 /);
  });

  test.each([
    { reason: 'a byte too many', behind: '}' },
    { reason: 'a request that is none', behind: 'hello\r\n\r\n' },
  ])('a whole one with $reason behind it gets its own answer, and no other', async ({ behind }) => {
    const body = '{"title":"t"}';
    const answer = await rawSocket(things.app.port, `${head}content-length: ${body.length}\r\n\r\n${body}${behind}`);
    expect(answer).toMatch(/^HTTP\/1.1 200 [\s\S]*connection: close/i);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('one that is not HTTP is answered 400', async () => {
    expect(await rawSocket(things.app.port, 'hello\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 [\s\S]*"code":"malformed-request"/,
    );
  });
});
