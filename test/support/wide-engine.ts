/**
 * The scripted engine's API with any number of executions that are all alike, running, and wide: it keeps none of them, so that
 * what a service needs for them can be measured beside it.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { executionJson, taskRunJson } from './scripted-engine/engine-json.js';
import { TASK_PAGE } from './scripted-engine/engine-routes.js';
import { advance, allRuns, newExecution, type Execution } from './scripted-engine/execution.js';

export interface WideEngine {
  url: string;
  /** Keys of which tasks were read. */
  readonly read: Set<string>;
  close(): Promise<void>;
}

export async function startWideEngine(tasks: readonly string[]): Promise<WideEngine> {
  const model = runningExecution(tasks);
  const runs = allRuns(model).map((run) => taskRunJson(model, run));
  const objects = new Map<string, string>();
  const read = new Set<string>();
  const execution = (key: string): object => ({ ...executionJson(model, Date.now()), key, uid: `x-${key}` });
  const answer = (method: string, url: URL, body: Record<string, unknown>): [status: number, answer: object] => {
    const [collection, name = '', part] = url.pathname.slice(1).split('/');
    if (collection === 'version') return [200, { version: '1.0.0', instance: 'wide' }];
    if (collection === 'objects' && method === 'PUT') objects.set(name, String(body['value']));
    if (collection === 'objects') {
      const value = objects.get(name);
      return value === undefined ? [404, { error: 'not-found', message: name }] : [200, { value, instance: 'wide' }];
    }
    if (name === 'list') return [200, { executions: (body['keys'] as string[]).map(execution) }];
    if (part === 'tasks') {
      const offset = Number(url.searchParams.get('offset') ?? 0);
      const page = runs.slice(offset, offset + TASK_PAGE);
      if (offset + page.length >= runs.length) read.add(name);
      return [200, { key: name, total: runs.length, task_runs: page }];
    }
    return name === '' ? [200, { executions: [], next: null }] : [200, execution(name)];
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://engine');
    // Nothing ever changes by itself: a stream of hints without one.
    if (url.pathname === '/hints') return void response.writeHead(200).flushHeaders();
    void bodyOf(request).then((body) => {
      const [status, told] = answer(request.method ?? '', url, body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(told));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    read,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function runningExecution(tasks: readonly string[]): Execution {
  const body = {
    key: '',
    marker: { installation_id: '', key: '', content_digest: '' },
    definition: '',
    parameters: {},
    labels: [],
    run_id: '',
    title: '',
  };
  const workflow = { tasks: tasks.map((id) => ({ id, duration_ms: 'hold' as const })) };
  const now = Date.now();
  const execution = newExecution('x', body, workflow, now);
  advance(execution, { stayQueued: false, ignoreGracefulStop: false, stopDelayMs: 0 }, now);
  return execution;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
}
