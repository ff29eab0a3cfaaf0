/**
 * A tiny workflow engine over HTTP that can be told to misbehave. Two doors on loopback: the engine's, which faults may
 * close, and the control's, which stays open. `POST /control/<command>` takes the list of arguments as JSON.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendBroken } from './broken-answers.js';
import { COMMANDS, EngineControls } from './engine-controls.js';
import type { Command } from './engine-controls.js';
import { EngineMemory } from './engine-memory.js';
import { act, recognise } from './engine-routes.js';
import type { EngineAnswer, EngineCall, EngineRequest } from './engine-routes.js';
import { Journal } from './journal.js';
import { Rules } from './rules.js';
import type { Applied } from './rules.js';

export interface ScriptedEngineOptions {
  /** 0 = a free one. */
  port?: number;
  controlPort?: number;
  /** The journal goes on in this file over restarts of the engine. */
  journalFile?: string;
  /** Of the faults with a probability. */
  seed?: number;
}

export interface ScriptedEngine {
  /** Where adapters go. */
  url: string;
  controlUrl: string;
  controls: EngineControls;
  /** Of adapters to the engine: open now, and the most there ever were at once. */
  connections: { open: number; most: number };
  close(): Promise<void>;
}

const BODY_LIMIT = 64 * 1_048_576;

export async function startScriptedEngine(options: ScriptedEngineOptions = {}): Promise<ScriptedEngine> {
  const memory = new EngineMemory();
  const rules = new Rules(options.seed ?? 1);
  const journal = new Journal(options.journalFile);
  const engine = createServer((request, response) => {
    void serve(request, response, { memory, rules, journal });
  });
  // A client that stood still for a while finds its connections as it left them: what it sends late does arrive.
  engine.keepAliveTimeout = 120_000;
  const connections = countConnections(engine);
  const port = await listen(engine, options.port ?? 0);
  const controls = new EngineControls(memory, rules, journal, {
    close: () => shut(engine),
    open: async () => {
      if (!engine.listening) await listen(engine, port);
    },
  });
  const control = createServer((request, response) => void serveControl(request, response, controls));
  const controlPort = await listen(control, options.controlPort ?? 0);
  return {
    url: `http://127.0.0.1:${port}`,
    controlUrl: `http://127.0.0.1:${controlPort}`,
    controls,
    connections,
    close: async () => {
      rules.remove();
      memory.stopTimers();
      await Promise.all([shut(engine), shut(control)]);
    },
  };
}

function countConnections(server: Server): ScriptedEngine['connections'] {
  const connections = { open: 0, most: 0 };
  server.on('connection', (socket) => {
    connections.open += 1;
    connections.most = Math.max(connections.most, connections.open);
    socket.on('close', () => (connections.open -= 1));
  });
  return connections;
}

interface Parts {
  memory: EngineMemory;
  rules: Rules;
  journal: Journal;
}

async function serve(message: IncomingMessage, response: ServerResponse, parts: Parts): Promise<void> {
  try {
    const request = await readRequest(message);
    const call = recognise(request);
    if (!call) {
      answer(response, { status: 404, body: { error: 'no-route', message: request.url.pathname }, did: '' });
      return;
    }
    parts.journal.arrived(call.verb);
    await handle(call, request, response, parts);
  } catch (error) {
    if (!response.headersSent) answer(response, { status: 500, body: { error: String(error) }, did: '' });
    else response.destroy();
  }
}

async function handle(call: EngineCall, request: EngineRequest, response: ServerResponse, parts: Parts): Promise<void> {
  const { memory, rules, journal } = parts;
  const applied = rules.apply(call.verb, call.key);
  const traceparent = request.headers['traceparent'];
  const note = (did: string, uid?: string): void =>
    journal.add({
      verb: call.verb,
      did,
      ...(call.key === undefined ? {} : { key: call.key }),
      ...(uid === undefined ? {} : { uid }),
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    });
  for (const { effect, released } of applied) {
    if (effect.do === 'delay') await sleep(effect.ms);
    if (effect.do === 'hold') await released;
    if (effect.do === 'drop') {
      note('dropped');
      response.destroy();
      return;
    }
    if (effect.do === 'answer') {
      note(`answered ${effect.status}`);
      response.writeHead(effect.status, { 'content-type': 'application/json', ...effect.headers });
      response.end(effect.body ?? '');
      return;
    }
  }
  if (call.verb === 'hints') {
    note('streaming');
    streamHints(response, memory);
    return;
  }
  const result = act(call, request, memory);
  note(result.did, result.uid);
  if (applied.some(({ effect }) => effect.do === 'duplicate')) {
    const again = act(call, request, memory);
    note(again.did, again.uid);
  }
  await finish(response, result, applied);
}

async function finish(response: ServerResponse, result: EngineAnswer, applied: Applied[]): Promise<void> {
  for (const { effect } of applied) {
    if (effect.do === 'delay-answer') await sleep(effect.ms);
    if (effect.do === 'lose-answer') {
      response.destroy();
      return;
    }
    if (effect.do === 'garble') {
      sendBroken(response, effect.shape, bytes(result));
      return;
    }
  }
  const closes = applied.some(({ effect }) => effect.do === 'close');
  answer(response, closes ? { ...result, headers: { ...result.headers, connection: 'close' } } : result);
}

function answer(response: ServerResponse, result: EngineAnswer): void {
  const body = bytes(result);
  const headers = { 'content-type': 'application/json', 'content-length': body.length, ...result.headers };
  response.writeHead(result.status, headers);
  response.end(body);
}

function bytes(result: EngineAnswer): Buffer {
  return result.body instanceof Uint8Array ? Buffer.from(result.body) : Buffer.from(JSON.stringify(result.body));
}

/** One key per line, as executions change. */
function streamHints(response: ServerResponse, memory: EngineMemory): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  const tell = (key: string): void => void response.write(`${key}\n`);
  memory.changes.on('change', tell);
  response.on('close', () => memory.changes.off('change', tell));
}

async function serveControl(
  message: IncomingMessage,
  response: ServerResponse,
  controls: EngineControls,
): Promise<void> {
  try {
    const request = await readRequest(message);
    const command = COMMANDS.find((name) => request.url.pathname === `/control/${name}`);
    if (!command) throw new Error(`no command ${request.url.pathname}; there are: ${COMMANDS.join(', ')}`);
    const result = await invoke(controls, command, Array.isArray(request.body) ? request.body : []);
    answer(response, { status: 200, body: JSON.parse(JSON.stringify({ result })) as { result: string }, did: '' });
  } catch (error) {
    answer(response, { status: 400, body: { error: (error as Error).message }, did: '' });
  }
}

async function invoke(controls: EngineControls, command: Command, given: unknown[]): Promise<unknown> {
  const method = controls[command] as (...given: unknown[]) => unknown;
  return method.apply(controls, given);
}

async function readRequest(message: IncomingMessage): Promise<EngineRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error(`a body of more than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  return {
    method: message.method ?? 'GET',
    url: new URL(message.url ?? '/', 'http://engine'),
    headers: message.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

async function shut(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
