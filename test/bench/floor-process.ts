/**
 * The floor: what remains of the service when everything but Node's HTTP server, one pool of `pg` and the statements is
 * taken away. It checks nothing, knows one project, and answers bytes of the same size.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { NO_VERBS } from '../../adapters/spi/engine-adapter.js';
import { allowedActions } from '../../src/lifecycle/allowed-actions.js';
import { newRunToken, runKey } from '../../src/lifecycle/run-key.js';
import type { Statement } from '../../src/platform/database.js';
import { lockKey } from '../../src/platform/idempotency-fingerprint.js';
import { GET, LISTS_BY_SELECTOR, POST, STALE_AFTER_MS } from './floor-statements.js';
import { ROWS } from './floor-list.js';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 16 });
const [claim, runnable, create, store] = POST.map(({ name, text }) => ({ name, text }));
if (!claim || !runnable || !create || !store) throw new Error('a POST sends other statements than the floor knows');

const server = createServer((request, response) => {
  const url = request.url ?? '';
  const bySelector = LISTS_BY_SELECTOR.get(url);
  const answer =
    request.method === 'POST'
      ? post(request)
      : bySelector
        ? listBySelector(bySelector)
        : url.includes('?')
          ? list()
          : get(Number(url.slice(url.lastIndexOf('/') + 1)));
  answer.then(
    (text) => send(response, request.method === 'POST' ? 201 : 200, text),
    (error: unknown) => send(response, 500, String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`floor listens on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => process.exit(0));

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

interface Shown {
  head: string;
  times: string;
  values: string;
}

/** Of every run of the record: a part of the answer that Signalbox works out. */
const ACTIONS = allowedActions(
  { state: 'COMPLETED', desired: 'run', generation: 1, execution: { outcome: 'known', pauseSent: false } },
  NO_VERBS,
);
const ACTIONS_TEXT = JSON.stringify(ACTIONS);

const TIMES = ['created_at', 'updated_at', 'submitted_at', 'started_at', 'finished_at', 'observed_at'];

function toJson(row: Shown): string {
  let times = '';
  row.times.split(',').forEach((microseconds, index) => {
    if (microseconds !== '') times += `,"${TIMES[index]}":"${new Date(Number(microseconds) / 1000).toISOString()}"`;
  });
  return `${row.head}${times}${row.values},"allowed_actions":${ACTIONS_TEXT},"stale":false}`;
}

async function get(id: number): Promise<string> {
  const { rows } = await pool.query<Shown>({ ...named(GET), values: [id, 'default', STALE_AFTER_MS] });
  return toJson(rows[0] as Shown);
}

async function listBySelector(statement: Statement): Promise<string> {
  const { rows } = await pool.query<{ entries: string }>({ ...named(statement), values: statement.values ?? [] });
  const parts = (rows[0]?.entries ?? '').split('\x1f');
  const items: string[] = [];
  for (let at = 0; items.length < 50; at += 6) {
    const [head, times = '', values = ''] = [parts[at + 3], parts[at + 4], parts[at + 5]];
    if (head === undefined) throw new Error('a page of the benchmark is not full');
    items.push(toJson({ head, times, values }));
  }
  return `{"items":[${items.join(',')}]}`;
}

/** The same page of the same runs, its JSON built here. */
async function list(): Promise<string> {
  const { rows } = await pool.query<Record<string, unknown>>(ROWS);
  return JSON.stringify({
    items: rows.slice(0, 50).map((row) => ({ ...row, allowed_actions: ACTIONS, stale: false })),
  });
}

async function post(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const body = JSON.parse(text) as { workflow: { title: string }; parameters: object; labels: object[] };
  const key = String(request.headers['idempotency-key']);
  const lock = lockKey('default', key);
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query({ ...claim, text: claim?.text ?? '', values: ['default', key, lock] });
    const { rows: workflows } = await client.query<{ id: number }>({
      ...runnable,
      text: runnable?.text ?? '',
      values: ['default', body.workflow.title, null],
    });
    const token = newRunToken();
    const values = [
      'default',
      workflows[0]?.id,
      token,
      runKey(token, 1),
      JSON.stringify(body.parameters),
      JSON.stringify(body.labels),
      STALE_AFTER_MS,
      null,
    ];
    const { rows } = await client.query<Shown & { id: number }>({ ...create, text: create?.text ?? '', values });
    const row = rows[0] as Shown & { id: number };
    const answer = toJson(row);
    const digest = createHash('sha256').update(text).digest('hex');
    const location = `/v1/workflow-runs/${row.id}`;
    await client.query({
      ...store,
      text: store?.text ?? '',
      values: ['default', key, digest, 201, location, answer],
    });
    await client.query('COMMIT');
    return answer;
  } finally {
    client.release();
  }
}

function named({ name, text }: { name?: string; text: string }): { name?: string; text: string } {
  return name === undefined ? { text } : { name, text };
}
