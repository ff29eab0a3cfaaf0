/** Argo through argo-server: REST, generated from its gRPC interface. Facts are from argo-server 3.7. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError, unlessAbsent } from '../spi/engine-error.js';
import { garbage, readJson, readObject, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type {
  ArgoAccess,
  EndedWorkflow,
  PodLogQuery,
  ReadWorkflow,
  ServerVerbs,
  ShutdownStrategy,
  TemplateKind,
  TemplateRef,
  WorkflowPage,
  WorkflowQuery,
} from './argo-access.js';
import { ArgoHttp } from './argo-http.js';
import type { Endpoint, StreamContext } from './argo-http.js';
import { isObject, readNamed, objectIn, rowsIn, textIn } from './read-fields.js';
import { streamLines } from './stream-lines.js';
import { toRefusal } from './to-refusal.js';

/** What a row of a list shows. `fields` knows no wildcard inside of maps. */
const ROW_FIELDS = [
  'metadata',
  ...['name', 'uid', 'labels', 'annotations', 'creationTimestamp'].map((field) => `items.metadata.${field}`),
  ...['phase', 'message', 'startedAt', 'finishedAt'].map((field) => `items.status.${field}`),
  'items.spec.suspend',
  'items.spec.shutdown',
].join(',');
const ROW_FIELDS_WITH_SPEC = `${ROW_FIELDS},items.spec.workflowTemplateRef,items.spec.arguments`;
/** A log line of 1 MiB, escaped as JSON and wrapped. */
const LINE_LIMIT_BYTES = 4 * 1_048_576;
/** Between the end of a task's process and that of its pod; seen to take a second (3.7.4, Kubernetes 1.33). */
const POD_ENDS_MS = 2_000;

export class ServerAccess implements ArgoAccess {
  readonly #http: ArgoHttp;
  readonly #namespace: string;
  readonly #workflows: string;
  readonly #templates: string;

  constructor(endpoint: Endpoint, namespace: string) {
    this.#http = new ArgoHttp(endpoint);
    this.#namespace = namespace;
    this.#workflows = `/api/v1/workflows/${encodeURIComponent(namespace)}`;
    this.#templates = `/api/v1/workflow-templates/${encodeURIComponent(namespace)}`;
  }

  /** The version alone proves nothing of the token: argo-server shows it to any bearer. So a workflow is listed too. */
  async version(ctx: CallContext): Promise<string> {
    const answer = readObject(await this.#http.json('GET', '/api/v1/version', ctx), 'the version');
    await this.workflows({ selector: '', limit: 1 }, ctx);
    return readText(answer['version'], 'version');
  }

  async workflow(name: string, ctx: CallContext): Promise<JsonObject | undefined> {
    const path = `${this.#workflows}/${encodeURIComponent(name)}?fields=-metadata.managedFields`;
    const answer = await unlessAbsent(this.#http.json('GET', path, ctx));
    return answer === undefined ? undefined : readObject(answer, 'the workflow');
  }

  async workflows(query: WorkflowQuery, ctx: CallContext): Promise<WorkflowPage> {
    const search = new URLSearchParams({
      'listOptions.labelSelector': query.selector,
      'listOptions.limit': String(query.limit),
      fields: query.withSpec === true ? ROW_FIELDS_WITH_SPEC : ROW_FIELDS,
    });
    if (query.continue !== undefined) search.set('listOptions.continue', query.continue);
    if (query.createdAfter !== undefined) search.set('createdAfter', query.createdAfter.toISOString());
    const answer = readObject(await this.#http.json('GET', `${this.#workflows}?${search.toString()}`, ctx), 'the list');
    // An empty list is `items: null`, beside the metadata that every list has.
    if (!isObject(answer['metadata'])) throw garbage('a list without metadata');
    const next = textIn(objectIn(answer, 'metadata'), 'continue');
    const items = rowsIn(answer);
    return next === undefined ? { items } : { items, continue: next };
  }

  async createWorkflow(workflow: JsonObject, ctx: CallContext): Promise<JsonObject> {
    const body = { namespace: this.#namespace, serverDryRun: false, workflow };
    return readObject(await this.#http.json('POST', this.#workflows, ctx, body), 'the workflow');
  }

  async shutdown({ name, suspended }: ReadWorkflow, strategy: ShutdownStrategy, ctx: CallContext): Promise<void> {
    await this.#put(name, strategy === 'Stop' ? 'stop' : 'terminate', {}, ctx);
    if (suspended) await this.#put(name, 'resume', {}, ctx);
  }

  async setSuspended({ name }: ReadWorkflow, suspended: boolean, ctx: CallContext): Promise<void> {
    await this.#put(name, suspended ? 'suspend' : 'resume', {}, ctx);
  }

  async removeWorkflow({ name, uid, archived }: EndedWorkflow, ctx: CallContext): Promise<void> {
    await unlessAbsent(this.#http.json('DELETE', `${this.#workflows}/${encodeURIComponent(name)}`, ctx));
    // Where nothing is archived this route fails as if the server were broken.
    if (!archived) return;
    await unlessAbsent(this.#http.json('DELETE', `/api/v1/archived-workflows/${encodeURIComponent(uid)}`, ctx));
  }

  async templates(
    kind: TemplateKind,
    query: Pick<WorkflowQuery, 'selector' | 'limit' | 'continue'>,
    ctx: CallContext,
  ): Promise<WorkflowPage> {
    const search = new URLSearchParams({
      'listOptions.labelSelector': query.selector,
      'listOptions.limit': String(query.limit),
    });
    if (query.continue !== undefined) search.set('listOptions.continue', query.continue);
    const path = `${this.#folderOf(kind)}?${search.toString()}`;
    const answer = readObject(await this.#http.json('GET', path, ctx), 'the list');
    if (!isObject(answer['metadata'])) throw garbage('a list without metadata');
    const next = textIn(objectIn(answer, 'metadata'), 'continue');
    const items = rowsIn(answer);
    return next === undefined ? { items } : { items, continue: next };
  }

  async template({ kind, name }: TemplateRef, ctx: CallContext): Promise<JsonObject | undefined> {
    const folder = this.#folderOf(kind);
    const answer = await unlessAbsent(this.#http.json('GET', `${folder}/${encodeURIComponent(name)}`, ctx));
    return answer === undefined ? undefined : readObject(answer, 'the template');
  }

  async createTemplate(template: JsonObject, ctx: CallContext): Promise<JsonObject> {
    const body = { namespace: this.#namespace, template };
    return readObject(await this.#http.json('POST', this.#templates, ctx, body), 'the template');
  }

  async removeTemplate(name: string, ctx: CallContext): Promise<void> {
    await unlessAbsent(this.#http.json('DELETE', `${this.#templates}/${encodeURIComponent(name)}`, ctx));
  }

  async *podLog(query: PodLogQuery, ctx: StreamContext): AsyncGenerator<string> {
    const search = new URLSearchParams({
      podName: query.pod,
      // Without a container the answer is 200 and empty.
      'logOptions.container': query.container,
      'logOptions.timestamps': 'true',
    });
    if (query.since !== undefined) search.set('logOptions.sinceSeconds', String(secondsSince(query.since)));
    const path = `${this.#workflows}/${encodeURIComponent(query.workflow)}/log?${search.toString()}`;
    for await (const line of streamLines(await this.#http.stream(path, ctx), ctx.signal, LINE_LIMIT_BYTES)) {
      if (line.trim() !== '') yield textIn(readResult(line), 'content') ?? '';
    }
  }

  async *changes(selector: string, ctx: StreamContext): AsyncGenerator<string> {
    const search = new URLSearchParams({
      'listOptions.labelSelector': selector,
      fields: 'result.object.metadata.name,error',
    });
    const path = `/api/v1/workflow-events/${encodeURIComponent(this.#namespace)}?${search.toString()}`;
    const body = await this.#http.stream(path, ctx, 'text/event-stream');
    for await (const line of streamLines(body, ctx.signal, LINE_LIMIT_BYTES)) {
      if (!line.startsWith('data:')) continue;
      const name = textIn(objectIn(objectIn(readResult(line.slice(5)), 'object'), 'metadata'), 'name');
      if (name !== undefined) yield name;
    }
  }

  readonly server: ServerVerbs = {
    lint: async (template, ctx) => {
      const body = { namespace: this.#namespace, template };
      const linted = await this.#http.json('POST', `${this.#templates}/lint`, ctx, body);
      const { spec } = readNamed(linted, readText(objectIn(template, 'metadata')['name'], 'name'));
      if (!isObject(spec)) throw garbage('a lint without its template');
    },
    retry: async (name, { nodeId, parameters }, ctx) => {
      const change = {
        ...(nodeId === undefined ? {} : { restartSuccessful: true, nodeFieldSelector: `id=${nodeId}` }),
        parameters: Object.entries(parameters).map(([parameter, value]) => `${parameter}=${value}`),
      };
      return this.#put(name, 'retry', change, ctx);
    },
    podsEnded: async (name, ctx) => {
      const search = new URLSearchParams({
        'logOptions.container': 'main',
        'logOptions.follow': 'true',
        'logOptions.tailLines': '1',
      });
      const path = `${this.#workflows}/${encodeURIComponent(name)}/log?${search.toString()}`;
      const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(ctx.timeoutMs / 2)]);
      try {
        const lines = streamLines(await this.#http.stream(path, { ...ctx, signal }), signal, LINE_LIMIT_BYTES);
        while ((await lines.next()).done !== true);
        await sleep(POD_ENDS_MS, undefined, { signal });
      } catch {
        // Nothing more to learn, or no more time: the retry is what matters, and a call that is over ends with it.
      }
    },
    archivedLog: async ({ workflow, nodeId }, ctx) => {
      const place = [this.#namespace, 'workflows', workflow, nodeId, 'outputs', 'main-logs'].map(encodeURIComponent);
      return streamLines(
        await this.#http.stream(`/artifact-files/${place.join('/')}`, ctx),
        ctx.signal,
        LINE_LIMIT_BYTES,
      );
    },
  };

  close(): void {
    this.#http.close();
  }

  #folderOf(kind: TemplateKind): string {
    return kind === 'WorkflowTemplate' ? this.#templates : '/api/v1/cluster-workflow-templates';
  }

  async #put(name: string, verb: string, change: object, ctx: CallContext): Promise<JsonObject> {
    const body = { name, namespace: this.#namespace, ...change };
    const path = `${this.#workflows}/${encodeURIComponent(name)}/${verb}`;
    return readNamed(await this.#http.json('PUT', path, ctx, body), name);
  }
}

/** One line of a stream: `{"result": ...}`, or `{"error": ...}` after the status was sent. */
function readResult(line: string): JsonObject {
  const message = readObject(readJson(Buffer.from(line)), 'a line of the stream');
  if (isObject(message['error'])) {
    const { absent, message: reason = 'no reason given' } = toRefusal(message);
    throw new EngineError(absent ? 'not-found' : 'unknown', `the stream ended: ${reason}`);
  }
  return readObject(message['result'], 'a result of the stream');
}

/** argo-server ignores `sinceTime`; clocks may differ by a minute, and lines that come again are left out later. */
function secondsSince(since: Date): number {
  return Math.max(60, Math.ceil((Date.now() - since.getTime()) / 1_000) + 60);
}
