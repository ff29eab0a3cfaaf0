/** Commands against a service that misbehaves in ways the real one cannot be asked for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { callCli, resultOf, runCli, startCli } from '../../test/support/run-cli.js';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Answer = (request: Seen, response: ServerResponse, nth: number) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Answers every request with `answer`; `nth` counts those of the same method and path, from 1. */
async function misbehave(answer: Answer): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      const path = one.url.split('?')[0];
      const nth = seen.filter((other) => other.method === one.method && other.url.split('?')[0] === path).length;
      answer(one, response, nth);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function json(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'Content-Type': type, ...headers }).end(JSON.stringify(value));
}

function problem(code: string, status: number, more: object = {}): object {
  return { type: `/problems/${code}`, title: code, status, code, trace_id: 'abc', ...more };
}

const RUN = {
  id: 12,
  workflow: { id: 1, title: 'etl', version: 3 },
  workflow_engine: 'local',
  state: 'PENDING',
  labels: [],
  parameters: {},
  origin: 'api',
  generation: 1,
  allowed_actions: [],
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
  stale: false,
};

const WORKFLOW = {
  id: 1,
  title: 'etl',
  version: 3,
  workflow_engine: 'bench',
  definition_format: 'native',
  definition_digest: 'sha256:0',
  workflow_parameters: [],
  labels: [],
  registration: { state: 'READY', diagnostics: [] },
  created_at: '2026-01-01T00:00:00.000Z',
};

describe('a write is repeated with the same Idempotency-Key', () => {
  const troubles: { reason: string; first: Answer }[] = [
    { reason: 'after a connection that broke before the answer', first: (_, response) => response.destroy() },
    {
      reason: 'after an answer that broke off',
      first: (_, response) => {
        response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': '1000' }).write('{"id":');
        setImmediate(() => response.destroy());
      },
    },
    {
      reason: 'while an earlier attempt is in progress',
      first: (_, response) => json(response, 409, problem('idempotency-in-progress', 409), { 'Retry-After': '0' }),
    },
    {
      reason: 'when there are too many requests',
      first: (_, response) => json(response, 429, problem('too-many-requests', 429), { 'Retry-After': '0' }),
    },
    {
      reason: 'when the outcome is unknown',
      first: (_, response) => json(response, 503, problem('outcome-unknown', 503), { 'Retry-After': '1' }),
    },
  ];
  test.each(troubles)('$reason', async ({ first }) => {
    const { url, seen } = await misbehave((request, response, nth) =>
      nth === 1 ? first(request, response, nth) : json(response, 201, RUN),
    );
    const { code, stdout } = await callCli(['runs', 'start', 'etl', '--json', '--url', url, '--project', 'team-a']);
    expect({ code, id: (JSON.parse(stdout) as { id: number }).id }).toEqual({ code: 0, id: 12 });
    expect(seen).toHaveLength(2);
    expect(seen[0]?.headers['idempotency-key']).toMatch(/^cli-/);
    expect(seen[1]?.headers['idempotency-key']).toBe(seen[0]?.headers['idempotency-key']);
    expect(seen[1]?.headers['x-project']).toBe('team-a');
  });
});

describe('an answer that is an error', () => {
  const none: Record<string, string> = {};

  test('is one sentence and a line per item, without touching stdout; the caller can correct it: 2', async () => {
    const { url } = await misbehave((_, response) =>
      json(
        response,
        422,
        problem('parameters-invalid', 422, {
          detail: 'The parameters are not valid.',
          errors: [
            { pointer: '/parameters/rows', code: 'too-small', message: 'must be at least 1' },
            { parameter: 'limit', code: 'x', message: 'evil \u001b[2J\nsecond line' },
          ],
        }),
      ),
    );
    const result = await callCli(['runs', 'start', 'etl', '--url', url]);
    expect(result).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'error: The parameters are not valid (parameters-invalid).\n' +
        '  /parameters/rows: must be at least 1\n' +
        '  limit: evil ␛[2J␊second line\n',
    });
  });

  test.each([
    {
      reason: 'a defect of the service, with the trace id',
      status: 500,
      headers: none,
      body: problem('internal-error', 500, { detail: 'Something broke.' }),
      says: 'trace id: abc',
    },
    {
      reason: 'a pause longer than we wait',
      status: 503,
      headers: { 'Retry-After': '600' },
      body: problem('database-unavailable', 503, { detail: 'No database.' }),
      says: 'No database',
    },
    {
      reason: 'something that is no problem document',
      status: 502,
      headers: none,
      body: '<html>gateway</html>',
      says: 'answered 502',
    },
  ])('is infrastructure, 3: $reason', async ({ status, headers, body, says }) => {
    const { url, seen } = await misbehave((_, response) => {
      if (typeof body === 'string') response.writeHead(status, { 'Content-Type': 'text/html' }).end(body);
      else json(response, status, body, headers);
    });
    const result = await callCli(['engines', 'list'], { SIGNALBOX_URL: url });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(says);
    expect(result.stderr).not.toContain('html');
    expect(result.stdout).toBe('');
    expect(seen).toHaveLength(1);
  });

  test('a name that a URL reads as the way up is sent to nobody', async () => {
    const { url, seen } = await misbehave((_request, response) => json(response, 200, {}));
    const result = await callCli(['engines', 'get', '..', '--url', url]);
    expect(result).toEqual({ code: 2, stdout: '', stderr: 'error: ".." names nothing.\n' });
    expect(seen).toEqual([]);
  });

  test('a service that is not there is said within seconds', async () => {
    const { url } = await misbehave(() => undefined);
    server?.close();
    await once(server as Server, 'close');
    const began = Date.now();
    const result = await callCli(['runs', 'list', '--url', url]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('connection refused');
    expect(Date.now() - began).toBeLessThan(6_000);
  });
});

describe('streams', () => {
  test('the history is followed over a broken connection from where it broke', async () => {
    const event = (seq: number, to: string): string =>
      `id: ${seq}\nevent: lifecycle\ndata: ${JSON.stringify({ seq, type: 'STATE', to, generation: 1, source: 'engine', at: RUN.created_at })}\n\n`;
    const { url, seen } = await misbehave((request, response, nth) => {
      if (nth === 3) return void response.writeHead(204).end();
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      if (nth === 1) {
        response.write(`: hello\n\n${event(1, 'PENDING')}${event(2, 'RUNNING')}id: 3\ndata: {"half`);
        setTimeout(() => response.destroy(), 50);
      } else if (nth === 2) {
        response.end(event(3, 'COMPLETED'));
      }
    });
    const result = await runCli(['runs', 'events', '12', '--follow', '--json', '--url', url]);
    const lines = result.stdout.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([1, 2, 3]);
    expect(result.code).toBe(0);
    expect(seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '3']);
  });

  test('a log whose connection breaks before its end is printed once', async () => {
    const taskRun = { id: 7, task_title: 'load', state: 'COMPLETED', attempt: 1, started_at: RUN.created_at };
    const { url, seen } = await misbehave((request, response, nth) => {
      if (request.url.includes('/task-runs?')) return json(response, 200, { items: [taskRun] });
      if (!request.url.includes('/logs')) return json(response, 200, { ...RUN, state: 'COMPLETED' });
      if (nth === 3) return void response.writeHead(204).end();
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const [id, text] = nth === 1 ? ['1:4', 'one\n'] : ['1/end', 'two\n'];
      response.write(`id: ${id}\ndata: ${JSON.stringify({ text })}\n\n`);
      setTimeout(() => response.destroy(), 50);
    });
    const result = await runCli(['runs', 'logs', '12', 'load', '--follow', '--url', url]);
    expect([result.code, result.stdout]).toEqual([0, 'one\ntwo\n']);
    const opened = seen.filter((request) => request.url.includes('/logs'));
    expect(opened.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1:4', '1/end']);
  });

  test('a run is watched through an outage, and its end is the exit code', async () => {
    const { url } = await misbehave((request, response, nth) => {
      if (request.url.includes('/tasks')) return json(response, 409, problem('registration-pending', 409));
      if (request.url.includes('lifecycle-events')) return json(response, 429, problem('too-many-requests', 429));
      if (nth === 1) return json(response, 200, { ...RUN, state: 'RUNNING', task_runs: [] });
      if (nth < 6) return void response.destroy();
      json(response, 200, { ...RUN, state: 'FAILED', finished_at: RUN.created_at, task_runs: [] });
    });
    const result = await runCli(['runs', 'watch', '12', '--url', url]);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain('run 12 RUNNING\n');
    expect(result.stdout).toContain('run 12 FAILED\n');
  });

  test('Ctrl-C leaves the run alone and ends as shells expect', async () => {
    const { url, seen } = await misbehave((request, response) => {
      if (request.url.includes('lifecycle-events'))
        return void response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      json(response, 200, request.url.includes('/tasks') ? { items: [] } : { ...RUN, state: 'RUNNING' });
    });
    const child = startCli(['runs', 'watch', '12', '--url', url]);
    const result = resultOf(child);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect((await result).code).toBe(130);
    expect(seen.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('a reader that goes away is no error', async () => {
    const items = Array.from({ length: 1000 }, (_, index) => ({ ...RUN, id: index }));
    const { url } = await misbehave((_, response) => json(response, 200, { items }));
    const child = startCli(['runs', 'list', '--json', '--url', url]);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('requests', () => {
  test('-p is read by the type that the workflow declares', async () => {
    const parameters = [
      { env_variable_name: 'rows', ui_form: { type: 'int' } },
      { env_variable_name: 'code', ui_form: { type: 'str' } },
      { env_variable_name: 'regions', ui_form: { type: 'list', multiselectable: true } },
    ];
    const workflow = { workflow_parameters: parameters, registration: { state: 'READY', diagnostics: [] } };
    const { url, seen } = await misbehave((request, response) =>
      request.method === 'GET' ? json(response, 200, { items: [workflow] }) : json(response, 201, RUN),
    );
    const given = ['-p', 'rows=5', '-p', 'code=007', '-p', 'regions=["a"]', '-p', 'note=@LICENSE', '--label', 'a=b'];
    expect((await callCli(['runs', 'start', 'a b', ...given, '--url', `${url}/v1/`])).code).toBe(0);
    expect(seen[0]?.url).toBe('/v1/workflows/a%20b?limit=50');
    const body = JSON.parse(seen[1]?.body ?? '') as { parameters: Record<string, unknown>; labels: unknown };
    expect(body.parameters).toMatchObject({ rows: 5, code: '007', regions: ['a'] });
    expect(String(body.parameters['note'])).toContain('Apache License');
    expect(body.labels).toEqual([{ key: 'a', value: 'b' }]);
  });

  test('the only parameter of a name goes by that name, whatever task it is for', async () => {
    const parameters = [{ task_title: 't', env_variable_name: 'VERSION', ui_form: { type: 'str', required: true } }];
    const workflow = { ...WORKFLOW, workflow_parameters: parameters };
    const { url, seen } = await misbehave((request, response) =>
      request.method === 'GET' ? json(response, 200, { items: [workflow] }) : json(response, 201, RUN),
    );
    const shown = await callCli(['workflows', 'get', 'etl', '--url', url]);
    expect(shown.stdout).toMatch(/^parameters +VERSION: str \(required\)$/m);
    expect((await callCli(['runs', 'start', 'etl', '-p', 'VERSION=1.10', '--url', url])).code).toBe(0);
    expect(JSON.parse(seen.at(-1)?.body ?? '')).toMatchObject({ parameters: { VERSION: '1.10' } });
  });

  test('--all goes on as long as Link says so', async () => {
    const { url, seen } = await misbehave((_, response, nth) =>
      json(
        response,
        200,
        { items: [{ ...RUN, id: nth }] },
        nth < 3 ? { Link: `</v1/workflow-runs?state=FAILED&cursor=c${nth}>; rel="next"` } : {},
      ),
    );
    const { stdout } = await callCli(['runs', 'list', '--all', '--state', 'failed', '--json', '--url', url]);
    expect((JSON.parse(stdout) as { items: { id: number }[] }).items.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(seen.map(({ url: at }) => at)).toEqual([
      '/v1/workflow-runs?state=FAILED&limit=1000',
      '/v1/workflow-runs?state=FAILED&limit=1000&cursor=c1',
      '/v1/workflow-runs?state=FAILED&limit=1000&cursor=c2',
    ]);
  });

  test.each(['cancel', 'retry'])('%s of an item without its task is refused before anything is sent', async (verb) => {
    const { url, seen } = await misbehave((_, response) => json(response, 200, RUN));
    const refused = await callCli(['runs', verb, '12', '--item', '0', '--url', url]);
    expect(refused).toEqual({ code: 2, stdout: '', stderr: 'error: --item needs --task.\n' });
    expect(seen).toEqual([]);
  });

  test('a request names the generation that was seen', async () => {
    const { url, seen } = await misbehave((request, response) =>
      json(response, request.method === 'GET' ? 200 : 202, { ...RUN, state: 'RUNNING', generation: 4 }),
    );
    expect((await callCli(['runs', 'cancel', '12', '--reason', 'wrong data', '--url', url])).code).toBe(0);
    const post = seen.find(({ method }) => method === 'POST');
    expect(post?.url).toBe('/v1/workflow-runs/12/lifecycle-events');
    expect(JSON.parse(post?.body ?? '')).toEqual({ type: 'CANCEL', generation: 4, reason: 'wrong data' });
  });
});
