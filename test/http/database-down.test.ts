import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Body, Controller, Get, Injectable, Post } from '@nestjs/common';
import { IsOptional, IsString } from 'class-validator';
import { Answer } from '../../src/platform/answer.js';
import { Database } from '../../src/platform/database.js';
import { Write, type WriteRequest } from '../../src/platform/http/write-request.js';
import { idempotent } from '../../src/platform/idempotency.js';
import { Operation } from '../../src/platform/openapi/operation.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { rawRequest, startProbeApp } from '../support/probe-app.js';

class Note {
  @IsOptional()
  @IsString()
  text?: string;
}

const ANSWERS = [{ status: 200, description: 'It.', type: Note }];

@Injectable()
@Controller('notes')
class NotesController {
  constructor(private readonly database: Database) {}

  @Get()
  @Operation({ id: 'listNotes', summary: 'l', problems: [], answers: ANSWERS })
  async list(): Promise<unknown> {
    return (await this.database.query({ text: 'SELECT 1 AS one' })).rows;
  }

  @Post()
  @Operation({ id: 'createNote', summary: 'c', problems: [], answers: ANSWERS, idempotent: true, body: true })
  create(@Write() write: WriteRequest, @Body() body: Note): Promise<Answer> {
    return idempotent(this.database, write, async (db) => {
      const { rows } = await db.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM idempotency_keys' });
      return { status: 201, location: '/v1/notes/1', body: { text: body.text, before: rows[0]?.n } };
    });
  }
}

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const open = (url: string, max = 2): Database =>
  new Database({ url, max, acquireTimeoutMs: 300, applicationName: 'probe', statementTimeoutMs: 500 });

const post = (url: string, key: string | undefined, body: string) =>
  rawRequest(`${url}/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body,
  });

test('a database that is not there is a 503 that says when to come back, and the process lives', async () => {
  const database = open('postgresql://u:hunter2@127.0.0.1:1/d');
  const app = await startProbeApp(database, [NotesController]);
  const answer = await rawRequest(`${app.url}/notes`);
  expect([answer.status, JSON.parse(answer.text).code, answer.headers['retry-after']]).toEqual([
    503,
    'database-unavailable',
    '2',
  ]);
  expect(answer.text).not.toMatch(/hunter2|ECONNREFUSED|127\.0\.0\.1/);
  expect((await rawRequest(`${app.url}/readyz`)).status).toBe(503);
  expect((await rawRequest(`${app.url}/livez`)).status).toBe(200);
  expect((await rawRequest(`${app.url}/metrics`)).status).toBe(200);
  await app.close();
  await database.close();
});

test('F15: when every connection is taken, requests fail fast and the process lives', async () => {
  const database = open(db.url);
  const app = await startProbeApp(database, [NotesController]);
  let free = (): void => undefined;
  const freed = new Promise<void>((resolve) => (free = resolve));
  const holders = [1, 2].map(() => database.transaction(() => freed));
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 20 }, () => rawRequest(`${app.url}/notes`)));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([503]));
  expect(performance.now() - began).toBeLessThan(1_000);
  expect((await rawRequest(`${app.url}/livez`)).status).toBe(200);
  free();
  await Promise.all(holders);
  expect((await rawRequest(`${app.url}/notes`)).status).toBe(200);
  await app.close();
  await database.close();
});

test('a key over HTTP: Location and bytes are repeated and marked; a bad key is refused', async () => {
  const database = open(db.url);
  const app = await startProbeApp(database, [NotesController]);
  const first = await post(app.url, 'key-1', '{"text":"a"}');
  expect([first.status, first.headers.location, first.headers['idempotency-replayed']]).toEqual([
    201,
    '/v1/notes/1',
    undefined,
  ]);
  const again = await post(`${app.url}/v1`, 'key-1', '{ "text" : "a" }');
  expect([again.status, again.headers.location, again.headers['idempotency-replayed'], again.text]).toEqual([
    201,
    '/v1/notes/1',
    'true',
    first.text,
  ]);
  const other = await post(app.url, 'key-1', '{"text":"b"}');
  expect([other.status, JSON.parse(other.text).code]).toEqual([422, 'idempotency-key-reused']);
  for (const bad of ['', ' ', 'a b', 'é', 'x'.repeat(256)]) {
    const answer = await post(app.url, bad, '{}');
    expect([bad, answer.status]).toEqual([bad, 422]);
    expect(JSON.parse(answer.text).errors[0].parameter).toBe('Idempotency-Key');
  }
  expect((await post(app.url, 'x'.repeat(255), '{}')).status).toBe(201);
  expect((await post(app.url, undefined, '{"text":"a"}')).headers['idempotency-replayed']).toBeUndefined();
  await app.close();
  await database.close();
});
