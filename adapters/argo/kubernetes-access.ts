/** Argo through its objects in the Kubernetes API, where no argo-server runs. What only argo-server does is absent. */
import { gunzipSync } from 'node:zlib';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError, unlessAbsent } from '../spi/engine-error.js';
import { garbage, readJson, readObject, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type {
  ArgoAccess,
  EndedWorkflow,
  PodLogQuery,
  ReadWorkflow,
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

const GROUP = '/apis/argoproj.io/v1alpha1';
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };
const METADATA_ONLY = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
/** Nodes that Argo compressed because they would not fit into an object of etcd (1.5 MiB). */
const NODES_LIMIT_BYTES = 64 * 1_048_576;
const LINE_LIMIT_BYTES = 1_048_576 + 64;
/** A watched object comes whole. */
const EVENT_LIMIT_BYTES = 8 * 1_048_576;

export class KubernetesAccess implements ArgoAccess {
  readonly #http: ArgoHttp;
  readonly #workflows: string;
  readonly #templates: string;
  readonly #pods: string;

  constructor(endpoint: Endpoint, namespace: string) {
    this.#http = new ArgoHttp(endpoint);
    this.#workflows = `${GROUP}/namespaces/${encodeURIComponent(namespace)}/workflows`;
    this.#templates = `${GROUP}/namespaces/${encodeURIComponent(namespace)}/workflowtemplates`;
    this.#pods = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  }

  /** Of Kubernetes: Argo's own is not visible here. Listing a workflow proves that Argo's types and our rights are there. */
  async version(ctx: CallContext): Promise<string> {
    const answer = readObject(await this.#http.json('GET', '/version', ctx), 'the version');
    await this.workflows({ selector: '', limit: 1 }, ctx);
    return `kubernetes ${readText(answer['gitVersion'], 'gitVersion')}`;
  }

  async workflow(name: string, ctx: CallContext): Promise<JsonObject | undefined> {
    const answer = await unlessAbsent(this.#http.json('GET', this.#of(name), ctx));
    return answer === undefined ? undefined : inflate(readObject(answer, 'the workflow'));
  }

  async workflows(query: WorkflowQuery, ctx: CallContext): Promise<WorkflowPage> {
    const search = new URLSearchParams({ labelSelector: query.selector, limit: String(query.limit) });
    if (query.continue !== undefined) search.set('continue', query.continue);
    const [kind, headers] = query.metadataOnly
      ? ['PartialObjectMetadataList', METADATA_ONLY]
      : ['WorkflowList', undefined];
    const path = `${this.#workflows}?${search.toString()}`;
    const answer = readObject(await this.#http.json('GET', path, ctx, undefined, headers), 'the list');
    if (answer['kind'] !== kind) throw garbage(`a list that is no ${kind}`);
    const next = textIn(objectIn(answer, 'metadata'), 'continue');
    const items = rowsIn(answer);
    return next === undefined ? { items } : { items, continue: next };
  }

  async createWorkflow(workflow: JsonObject, ctx: CallContext): Promise<JsonObject> {
    const body = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', ...workflow };
    return readObject(await this.#http.json('POST', this.#workflows, ctx, body), 'the workflow');
  }

  async shutdown(workflow: ReadWorkflow, strategy: ShutdownStrategy, ctx: CallContext): Promise<void> {
    await this.#patch(workflow, { shutdown: strategy, suspend: null }, ctx);
  }

  async setSuspended(workflow: ReadWorkflow, suspended: boolean, ctx: CallContext): Promise<void> {
    await this.#patch(workflow, { suspend: suspended ? true : null }, ctx);
  }

  async removeWorkflow({ name, uid }: EndedWorkflow, ctx: CallContext): Promise<void> {
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid }, propagationPolicy: 'Background' };
    await unlessAbsent(this.#http.json('DELETE', this.#of(name), ctx, body));
  }

  async templates(
    kind: TemplateKind,
    query: Pick<WorkflowQuery, 'selector' | 'limit' | 'continue'>,
    ctx: CallContext,
  ): Promise<WorkflowPage> {
    const search = new URLSearchParams({ labelSelector: query.selector, limit: String(query.limit) });
    if (query.continue !== undefined) search.set('continue', query.continue);
    const path = `${this.#folderOf(kind)}?${search.toString()}`;
    const answer = readObject(await this.#http.json('GET', path, ctx), 'the list');
    if (answer['kind'] !== `${kind}List`) throw garbage(`a list that is no ${kind}List`);
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
    const body = { apiVersion: 'argoproj.io/v1alpha1', kind: 'WorkflowTemplate', ...template };
    return readObject(await this.#http.json('POST', this.#templates, ctx, body), 'the template');
  }

  async removeTemplate(name: string, ctx: CallContext): Promise<void> {
    await unlessAbsent(this.#http.json('DELETE', `${this.#templates}/${encodeURIComponent(name)}`, ctx));
  }

  async *podLog(query: PodLogQuery, ctx: StreamContext): AsyncGenerator<string> {
    const search = new URLSearchParams({ container: query.container, timestamps: 'true' });
    if (query.since !== undefined) search.set('sinceTime', query.since.toISOString());
    const path = `${this.#pods}/${encodeURIComponent(query.pod)}/log?${search.toString()}`;
    // Any text could be a log: its type (rest/log.go of Kubernetes 1.33) alone tells it from a page that came in its place.
    const body = await this.#http.stream(path, ctx, '*/*', 'text/plain');
    yield* streamLines(body, ctx.signal, LINE_LIMIT_BYTES);
  }

  async *changes(selector: string, ctx: StreamContext): AsyncGenerator<string> {
    const search = new URLSearchParams({ labelSelector: selector, watch: 'true' });
    const body = await this.#http.stream(`${this.#workflows}?${search.toString()}`, ctx);
    for await (const line of streamLines(body, ctx.signal, EVENT_LIMIT_BYTES)) {
      const event = readObject(readJson(Buffer.from(line)), 'an event');
      if (event['type'] === 'ERROR') throw new EngineError('unknown', 'the watch ended');
      const name = textIn(objectIn(objectIn(event, 'object'), 'metadata'), 'name');
      if (name !== undefined) yield name;
    }
  }

  close(): void {
    this.#http.close();
  }

  #folderOf(kind: TemplateKind): string {
    return kind === 'WorkflowTemplate' ? this.#templates : `${GROUP}/clusterworkflowtemplates`;
  }

  #of(name: string): string {
    return `${this.#workflows}/${encodeURIComponent(name)}`;
  }

  /** Only while nobody has changed it since: a stop that meets a workflow which has just ended would look like its cause. */
  async #patch({ name, resourceVersion }: ReadWorkflow, spec: object, ctx: CallContext): Promise<void> {
    const change = { metadata: { resourceVersion }, spec };
    readNamed(await this.#http.json('PATCH', this.#of(name), ctx, change, MERGE_PATCH), name);
  }
}

/** With its nodes as argo-server would show them. Those that lie in Argo's own database stay out of reach. */
function inflate(workflow: JsonObject): JsonObject {
  const status = objectIn(workflow, 'status');
  const compressed = textIn(status, 'compressedNodes');
  if (compressed === undefined) return workflow;
  let nodes;
  try {
    nodes = readJson(gunzipSync(Buffer.from(compressed, 'base64'), { maxOutputLength: NODES_LIMIT_BYTES }));
  } catch (cause) {
    throw garbage('compressed nodes', cause);
  }
  return isObject(nodes) ? { ...workflow, status: { ...status, nodes } } : workflow;
}
