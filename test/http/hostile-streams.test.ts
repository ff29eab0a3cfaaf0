import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRun, createWorkflow, inState, startMemoryApp, type MemoryApp } from '../support/memory-app.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
let port: number;
beforeAll(async () => {
  // The limit alone is to refuse, not a pool that a busy machine empties slowly.
  memory = await startMemoryApp({ DATABASE_ACQUIRE_TIMEOUT: '30s' });
  port = Number(new URL(memory.api.url).port);
  await createWorkflow(memory.api, 'target');
});
afterAll(() => memory.close());

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CLIENTS = 1_000;
/** MAX_STREAMS_PER_PROJECT as it is by default. */
const ALLOWED = 200;

/** One connection that asks and reads what comes, and does not leave. */
class Client {
  status = 0;
  private readonly socket: Socket;

  constructor(path: string, accept: string) {
    this.socket = connect(port, '127.0.0.1', () =>
      this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`),
    );
    this.socket.on('data', (data) => (this.status ||= Number(data.toString().slice(9, 12))));
    this.socket.on('error', () => undefined);
  }

  leave(): void {
    this.socket.destroy();
  }
}

test.each([
  {
    kind: 'event streams',
    accept: 'text/event-stream',
    path: (id: number) => `/v1/workflow-runs/${id}/lifecycle-events`,
  },
  { kind: 'long polls', accept: 'application/json', path: (id: number) => `/v1/workflow-runs/${id}/wait` },
])(
  'a thousand $kind of one client take what one project may have, and give it back',
  async ({ kind, accept, path }) => {
    const { id } = await createRun(memory.api, 'target');
    const attack = async (): Promise<void> => {
      const clients = Array.from({ length: CLIENTS }, () => new Client(path(id), accept));
      const count = (status: number): number => clients.filter((client) => client.status === status).length;
      // By the limit, or earlier, while so many wait for the database that whoever comes now would be answered too late.
      const refused = (): number => count(429) + count(503);
      // Those of the round before may not have been given back yet: more are refused then, never fewer.
      await until(
        async () => refused(),
        (now) => now >= CLIENTS - ALLOWED,
        60_000,
      );
      expect(count(429)).toBeGreaterThan(0);
      // A stream says at once that it is one; a long poll says nothing yet.
      if (kind === 'event streams') {
        await until(
          async () => count(200) + refused(),
          (answered) => answered === CLIENTS,
        );
        expect(count(200)).toBeGreaterThan(0);
        expect(count(200)).toBeLessThanOrEqual(ALLOWED);
      }
      // Everybody else is served, another project's streams too.
      expect((await memory.api.get(`/workflow-runs/${id}`)).status).toBe(200);
      expect((await memory.api.get('/workflow-runs/1/wait', { project: 'other' })).status).toBe(404);
      for (const client of clients) client.leave();
      await until(
        async () => (await memory.api.get(`/workflow-runs/${id}/wait?timeout=1`)).status,
        (status) => status === 200,
      );
    };
    await attack();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let round = 0; round < 3; round += 1) await attack();
    collectGarbage();
    // Three thousand clients later: what one of them left behind would show.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
    await memory.api.put(`/workflow-runs/${id}/cancel`, {});
    memory.engine.say(id, { phase: 'cancelled' });
    await inState(memory.api, id, 'CANCELLED');
  },
  240_000,
);
