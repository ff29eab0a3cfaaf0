/** What a real Argo cannot be made to say: broken answers, lost ones, rows twice, nodes compressed. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { sendBroken } from '../../test/support/scripted-engine/broken-answers.js';
import { BROKEN_SHAPES } from '../conformance/broken-shapes.js';
import { textOf } from '../conformance/expectations.js';
import { callContext } from '../conformance/world.js';
import type { EngineAdapter, Marker, Submission } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { ExecutionRef } from '../spi/facts.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { createArgoAdapter } from './argo.adapter.js';
import { KubernetesAccess } from './kubernetes-access.js';
import { ServerAccess } from './server-access.js';

const KEY = 'sb-bcdefghijklmnopqrstuvwxyz2-g1';
const REF: ExecutionRef = { key: KEY, workflow: { id: '1', title: 'echo', version: 1 } };
const MARKER: Marker = { installationId: 'ours', key: KEY, contentDigest: 'd'.repeat(64) };
const SUBMISSION: Submission = {
  ref: REF,
  marker: MARKER,
  workflow: {
    ...REF.workflow,
    project: 'default',
    definition: { format: 'reference', text: 'echo' },
    digest: 'e'.repeat(64),
  },
  parameters: {},
  labels: [],
  runId: '7',
};

/** A workflow as Argo shows it. */
function workflow(
  status: JsonObject = { phase: 'Running' },
  metadata: JsonObject = {},
  spec: JsonObject = {},
): JsonObject {
  return {
    metadata: {
      name: KEY,
      uid: 'uid-1',
      resourceVersion: '7',
      creationTimestamp: '2026-01-31T12:00:00Z',
      labels: {
        'signalbox/run-key': KEY,
        'app.kubernetes.io/managed-by': 'signalbox',
        'signalbox/installation': 'ours',
      },
      annotations: { 'signalbox/installation-id': 'ours', 'signalbox/content-digest': MARKER.contentDigest },
      ...metadata,
    },
    spec,
    status: { startedAt: '2026-01-31T12:00:01Z', storedWorkflowTemplateSpec: {}, ...status },
  };
}

let server: Server;
let adapter: EngineAdapter;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: string[];

function json(body: unknown, status = 200): typeof answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
}

/** An adapter through argo-server, or the Kubernetes API, at whose address `answer` speaks. */
function connect(way: 'server' | 'kubernetes'): EngineAdapter {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoint = { url, tls: {}, bearer: async () => 'token' };
  const access = way === 'server' ? new ServerAccess(endpoint, 'argo') : new KubernetesAccess(endpoint, 'argo');
  return createArgoAdapter({ access, installationId: 'ours', keepSeconds: 60, pageOf: () => undefined });
}

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`);
    request.resume();
    request.on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  adapter = connect('server');
});

afterEach(async () => {
  await adapter.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (error: unknown) => (error instanceof EngineError ? error.code : String(error)),
  );
}

/** Verbs whose answers bear no key that could be another's. */
function ofNoKey(): Record<string, { truth: JsonObject; call: () => Promise<unknown> }> {
  const template = { metadata: { name: 'signalbox-lint' }, spec: { entrypoint: 'say', templates: [] } };
  const rows = { metadata: { resourceVersion: '7' }, items: [workflow()] };
  const text = JSON.stringify({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'WorkflowTemplate',
    metadata: { name: 'say' },
    spec: { entrypoint: 'say', templates: [{ name: 'say', suspend: {} }] },
  });
  const since = new Date(0);
  return {
    validate: { truth: template, call: () => adapter.validate({ format: 'native', text }, callContext()) },
    list: { truth: rows, call: async () => adapter.list?.({ since }, callContext()) },
    listBorn: {
      truth: rows,
      call: async () => adapter.listBorn?.({ references: ['echo'], endedSince: since }, callContext()),
    },
    discover: {
      truth: { metadata: {}, items: [template] },
      call: async () => adapter.discover?.({}, callContext()),
    },
  };
}

describe.each(BROKEN_SHAPES)('an answer of the shape %s', (shape) => {
  const verbs: Record<string, { truth: JsonObject; call: () => Promise<unknown> }> = {
    submit: { truth: workflow(), call: () => adapter.submit(SUBMISSION, callContext()) },
    find: { truth: workflow(), call: () => adapter.find(REF, MARKER, callContext()) },
    observe: { truth: workflow(), call: () => adapter.observe(REF, callContext()) },
    cancel: { truth: workflow(), call: () => adapter.cancel(REF, 'force', callContext()) },
    sentinel: { truth: { metadata: { name: KEY, uid: 'u' } }, call: () => adapter.sentinel(callContext()) },
    ...(shape === 'other-key' ? {} : ofNoKey()),
  };
  test.each(Object.keys(verbs))('is believed by %s in nothing', async (verb) => {
    const { truth, call } = verbs[verb] as (typeof verbs)[string];
    answer = (_request, response) => sendBroken(response, shape, Buffer.from(JSON.stringify(truth)));
    expect(['unknown', 'timeout']).toContain(await codeOf(call()));
  });

  test('leaves runs of a list unread', async () => {
    const truth = { metadata: {}, items: [workflow()] };
    answer = (_request, response) => sendBroken(response, shape, Buffer.from(JSON.stringify(truth)));
    const seen = await adapter.observeMany([REF], callContext()).catch((error: unknown) => (error as EngineError).code);
    if (typeof seen === 'string') expect(['unknown', 'timeout']).toContain(seen);
    else expect(seen).toMatchObject([{ presence: 'unread', key: KEY }]);
  });
});

describe('submit', () => {
  test('takes a conflict for success only if the workflow bears the whole marker', async () => {
    const held = (found: unknown, status: number) => (request: IncomingMessage, response: ServerResponse) =>
      request.method === 'POST'
        ? json({ code: 6, message: 'already exists' }, 409)(request, response)
        : json(found, status)(request, response);
    const submit = (): Promise<unknown> => adapter.submit(SUBMISSION, callContext());
    answer = held(workflow(), 200);
    expect(await submit()).toMatchObject({ outcome: 'accepted', engineUid: 'uid-1' });
    answer = held(workflow({}, { annotations: { 'signalbox/installation-id': 'theirs' } }), 200);
    expect(await submit()).toMatchObject({ outcome: 'conflict' });
    answer = held({ code: 5, message: 'not found' }, 404);
    expect(await codeOf(submit())).toBe('conflict');
    answer = held('<html>', 502);
    expect(await codeOf(submit())).toBe('unknown');
  });

  test('calls a template that is not there a definite refusal', async () => {
    answer = json({ code: 5, message: 'workflowtemplates.argoproj.io "echo" not found' }, 404);
    expect(await codeOf(adapter.submit(SUBMISSION, callContext()))).toBe('rejected');
  });

  test('finds the workflow of an earlier submit although its template has gone since', async () => {
    answer = (request, response) =>
      request.method === 'POST'
        ? json({ code: 5, message: 'no template' }, 404)(request, response)
        : json(workflow())(request, response);
    expect(await adapter.submit(SUBMISSION, callContext())).toMatchObject({ outcome: 'accepted', engineUid: 'uid-1' });
  });

  test('does not repeat when the connection ends', async () => {
    answer = (request) => request.socket.destroy();
    expect(await codeOf(adapter.submit(SUBMISSION, callContext()))).toBe('unknown');
    expect(requests).toHaveLength(1);
  });
});

describe('observe', () => {
  test('calls absent what Argo itself says it does not have, and nothing else', async () => {
    answer = json({ code: 5, message: 'not found' }, 404);
    expect(await adapter.observe(REF, callContext())).toEqual({ presence: 'absent', key: KEY });
    answer = json({ error: 'no such page' }, 404);
    expect(await codeOf(adapter.observe(REF, callContext()))).toBe('unknown');
  });

  test('draws nothing from a word it does not know', async () => {
    for (const phase of ['Dreaming', 'running', '__proto__', 'constructor']) {
      answer = json(workflow({ phase }));
      const facts = await adapter.observe(REF, callContext());
      expect(facts).toMatchObject({ presence: 'present', engineState: phase });
      expect(facts).not.toHaveProperty('phase');
    }
  });

  const phases: { reason: string; status: JsonObject; spec: JsonObject; phase: string }[] = [
    { reason: 'not seen by the controller', status: {}, spec: {}, phase: 'scheduled' },
    { reason: 'held back by the controller', status: { phase: 'Pending', message: 'x' }, spec: {}, phase: 'scheduled' },
    { reason: 'suspended', status: { phase: 'Running' }, spec: { suspend: true }, phase: 'paused' },
    { reason: 'stopped', status: { phase: 'Failed' }, spec: { shutdown: 'Stop' }, phase: 'cancelled' },
    {
      reason: 'stopped, as an archived row tells it',
      status: { phase: 'Failed', message: "Stopped with strategy 'Terminate'" },
      spec: {},
      phase: 'cancelled',
    },
    {
      reason: 'stopped, and ended well',
      status: {
        phase: 'Succeeded',
        nodes: { [KEY]: { id: KEY, name: KEY, type: 'Pod', phase: 'Succeeded', templateName: 'say' } },
      },
      spec: { shutdown: 'Stop' },
      phase: 'succeeded',
    },
    { reason: 'an error of Argo', status: { phase: 'Error', message: 'x' }, spec: {}, phase: 'failed' },
  ];
  test.each(phases)('a workflow that is $reason is $phase', async ({ status, spec, phase }) => {
    answer = json(workflow(status, {}, spec));
    expect(await adapter.observe(REF, callContext())).toMatchObject({ phase });
  });

  test('believes no workflow that ended well without a node', async () => {
    answer = json(workflow({ phase: 'Succeeded' }));
    await expect(adapter.observe(REF, callContext())).rejects.toMatchObject({ code: 'unknown' });
  });

  test('inflates nodes that Argo compressed, and says which it cannot reach', async () => {
    const kubernetes = connect('kubernetes');
    const nodes = { [KEY]: { id: KEY, name: KEY, type: 'Pod', phase: 'Succeeded', templateName: 'say' } };
    const compressedNodes = gzipSync(JSON.stringify(nodes)).toString('base64');
    const storedWorkflowTemplateSpec = { entrypoint: 'say', templates: [{ name: 'say', container: {} }] };
    answer = json(workflow({ phase: 'Succeeded', compressedNodes, storedWorkflowTemplateSpec }));
    expect(await kubernetes.observe(REF, callContext())).toMatchObject({
      taskRuns: [{ task: 'say', state: 'COMPLETED' }],
    });
    answer = json(workflow({ phase: 'Succeeded', offloadNodeStatusVersion: 'fnv:1' }));
    const facts = await kubernetes.observe(REF, callContext());
    expect(facts).toMatchObject({ phase: 'succeeded', stateReason: 'engine-nodes-out-of-reach' });
    expect(facts).not.toHaveProperty('taskRuns');
    await kubernetes.close();
  });
});

test('of two rows of one name the one is read whose uid is known, else the newest', async () => {
  const archived = workflow({ phase: 'Failed' }, { uid: 'uid-0', creationTimestamp: '2026-01-30T12:00:00Z' });
  answer = json({ metadata: {}, items: [archived, workflow()] });
  const [newest] = await adapter.observeMany([REF], callContext());
  expect(newest).toMatchObject({ engineUid: 'uid-1', phase: 'running' });
  const [known] = await adapter.observeMany([{ ...REF, engineUid: 'uid-0' }], callContext());
  expect(known).toMatchObject({ engineUid: 'uid-0', phase: 'failed' });
});

test.each([
  { way: 'server', page: 'listOptions.continue', kind: {} },
  { way: 'kubernetes', page: 'continue', kind: { kind: 'PartialObjectMetadataList' } },
] as const)('a list of $way shows each run once, over page borders', async ({ way, page, kind }) => {
  const keys = Array.from({ length: 3 }, (_, at) => KEY.replace('2-g1', `${at + 2}-g1`));
  const rows = keys.map((key) => workflow({}, { name: key, labels: { 'signalbox/run-key': key } }));
  answer = (request, response) => {
    const next = new URL(request.url ?? '', 'http://argo').searchParams.get(page);
    // Something was made between the two pages: what stood at the end of the first one comes again.
    const told =
      next === 'second'
        ? { metadata: {}, items: rows.slice(1) }
        : { metadata: { continue: 'second' }, items: rows.slice(0, 2) };
    json({ ...kind, ...told })(request, response);
  };
  const through = connect(way);
  const listed = await through.list?.({ since: new Date(0) }, callContext());
  expect(listed?.executions.map(({ key }) => key)).toEqual(keys);
  expect(requests).toHaveLength(2);
  await through.close();
});

test('a log of the Kubernetes API is plain text, and nothing else that came in its place', async () => {
  const kubernetes = connect('kubernetes');
  const nodes = { [KEY]: { id: KEY, name: KEY, type: 'Pod', phase: 'Succeeded', templateName: 'say' } };
  const storedWorkflowTemplateSpec = { entrypoint: 'say', templates: [{ name: 'say', container: {} }] };
  const read = (type: string): Promise<unknown> => {
    answer = (request, response) => {
      if (!(request.url ?? '').includes('/log?'))
        return json(workflow({ phase: 'Succeeded', nodes, storedWorkflowTemplateSpec }))(request, response);
      response.writeHead(200, { 'content-type': type });
      response.end('2026-01-31T12:00:02.5Z said\n');
    };
    const request = { ref: REF, task: 'say', attempt: 1, limitBytes: 1_000 };
    return kubernetes.logs(request, callContext()).then(textOf);
  };
  expect(await read('text/plain')).toBe('said\n');
  expect(await codeOf(read('text/html'))).toBe('unknown');
  await kubernetes.close();
});

describe('cancel', () => {
  test('sends nothing to a workflow that has ended', async () => {
    answer = json(workflow({ phase: 'Succeeded' }));
    expect(await adapter.cancel(REF, 'force', callContext())).toEqual({ outcome: 'already-final' });
    expect(requests.every((request) => request.startsWith('GET'))).toBe(true);
  });

  test('lets a suspended workflow go, which would stay Running for ever', async () => {
    answer = json(workflow({ phase: 'Running' }, {}, { suspend: true }));
    expect(await adapter.cancel(REF, 'graceful', callContext())).toEqual({ outcome: 'requested' });
    expect(requests.slice(1)).toEqual([
      `PUT /api/v1/workflows/argo/${KEY}/stop`,
      `PUT /api/v1/workflows/argo/${KEY}/resume`,
    ]);
  });

  test('says that a workflow has ended which argo-server refuses to stop, and nothing of one it may have stopped', async () => {
    const refused = (then: JsonObject) => (request: IncomingMessage, response: ServerResponse) => {
      if (request.method === 'PUT') return json({ code: 2, message: 'cannot' }, 500)(request, response);
      return json(requests.length > 1 ? then : workflow())(request, response);
    };
    answer = refused(workflow({ phase: 'Succeeded' }));
    expect(await adapter.cancel(REF, 'force', callContext())).toEqual({ outcome: 'already-final' });
    requests = [];
    answer = refused(workflow());
    expect(await codeOf(adapter.cancel(REF, 'force', callContext()))).toBe('unknown');
  });

  test.each(BROKEN_SHAPES)('believes no answer of the shape %s to the stop itself', async (shape) => {
    answer = (request, response) =>
      request.method === 'PUT'
        ? sendBroken(response, shape, Buffer.from(JSON.stringify(workflow())))
        : json(workflow())(request, response);
    expect(['unknown', 'timeout']).toContain(await codeOf(adapter.cancel(REF, 'force', callContext())));
  });

  test('looks again when the workflow changed meanwhile, and says that it has ended', async () => {
    const kubernetes = connect('kubernetes');
    answer = (request, response) =>
      request.method === 'PATCH'
        ? json({ kind: 'Status', reason: 'Conflict' }, 409)(request, response)
        : json(workflow({ phase: requests.length > 1 ? 'Succeeded' : 'Running' }))(request, response);
    expect(await kubernetes.cancel(REF, 'force', callContext())).toEqual({ outcome: 'already-final' });
    await kubernetes.close();
  });
});

describe('retry of a stopped workflow', () => {
  const stopped = workflow(
    {
      phase: 'Failed',
      finishedAt: '2026-01-31T12:00:09Z',
      nodes: { [KEY]: { id: KEY, name: KEY, displayName: KEY, type: 'DAG', phase: 'Failed' } },
    },
    {},
    { shutdown: 'Stop' },
  );
  const BASELINE = 'uid-1 2026-01-31T12:00:01.000Z';
  const logs: [reason: string, log: typeof answer, timeoutMs: number, fromMs: number, toMs: number][] = [
    ['its tasks have ended: the pods have two seconds more', json({}), 10_000, 1_900, Infinity],
    ['they have, and the call is short: half of its time', json({}), 2_000, 900, 2_000],
    ['the log cannot be read: nothing is waited for', json({ code: 2, message: 'no' }, 500), 10_000, 0, 1_900],
    [
      'its tasks go on: half of the time of the call',
      (_, response) => void response.writeHead(200).flushHeaders(),
      4_000,
      1_900,
      4_000,
    ],
  ];
  test.each(logs)('%s', async (_reason, log, timeoutMs, fromMs, toMs) => {
    answer = (request, response) =>
      /\/log\?.*follow=true/.test(request.url ?? '') ? log(request, response) : json(stopped)(request, response);
    const began = performance.now();
    const outcome = await adapter.retry?.(REF, BASELINE, callContext(timeoutMs));
    const tookMs = performance.now() - began;
    expect([outcome?.outcome, requests.map((request) => request.split(`${KEY}`)[1])]).toEqual([
      'accepted',
      ['', '/log', '/retry'],
    ]);
    expect(tookMs).toBeGreaterThan(fromMs);
    expect(tookMs).toBeLessThan(toMs);
  });
});

test('does not touch a workflow of another installation', async () => {
  answer = json(workflow({}, { annotations: { 'signalbox/installation-id': 'theirs' } }));
  for (const call of [adapter.cancel(REF, 'force', callContext()), adapter.observe(REF, callContext())]) {
    expect(await codeOf(call)).toBe('conflict');
  }
  expect(requests.every((request) => request.startsWith('GET'))).toBe(true);
});
