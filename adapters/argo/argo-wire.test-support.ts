/** The network before a real Argo, and what Argo must be told for cases that no network can arrange. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verb, Wire } from '../conformance/harness.js';
import { startCanary } from '../../test/support/canary.js';
import { HttpWire } from '../../test/support/http-wire.js';
import type { Arrived } from '../../test/support/http-forward.js';
import type { RouteOf } from '../../test/support/http-wire.js';
import { kubectl } from './argo-endpoint.test-support.js';
import type { Access, ArgoEndpoint } from './argo-endpoint.test-support.js';
import { applyManifest, untilListed } from './argo-lab.test-support.js';
import { readKubeconfig } from './kubeconfig.js';
import { RUN_KEY, toMetadata } from './marker.js';
import { PHASE_LABEL, WORKFLOW_PHASES } from './to-observation.js';

const NAME = '[^/?]+';
/** Lists differ by what they select; so it stands in an address. */
const BY_KEYS = '[^?]*run-key\\+in\\+';
const BY_ANY_KEY = '[^?]*run-key&';
const BY_END = '[^?]*completed';

type Route = [method: string, path: string];

/** Each verb by the request in which it does its work. */
function serverRoutes(namespace: string): Partial<Record<Verb, Route>> {
  const workflows = `/api/v1/workflows/${namespace}`;
  const templates = `/api/v1/workflow-templates/${namespace}`;
  return {
    ...sharedRoutes(workflows, templates),
    ping: ['GET', '/api/v1/version'],
    validate: ['POST', `${templates}/lint`],
    cancel: ['PUT', `${workflows}/${NAME}/(stop|terminate)`],
    pause: ['PUT', `${workflows}/${NAME}/suspend`],
    resume: ['PUT', `${workflows}/${NAME}/resume`],
    retry: ['PUT', `${workflows}/${NAME}/retry`],
    retryTask: ['PUT', `${workflows}/${NAME}/retry`],
    hints: ['GET', `/api/v1/workflow-events/${namespace}`],
    logs: ['GET', `${workflows}/${NAME}/log`],
  };
}

function kubernetesRoutes(namespace: string): Partial<Record<Verb, Route>> {
  const workflows = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflows`;
  const templates = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowtemplates`;
  const change: Route = ['PATCH', `${workflows}/${NAME}`];
  return {
    ...sharedRoutes(workflows, templates),
    ping: ['GET', '/version'],
    cancel: change,
    pause: change,
    resume: change,
    hints: ['GET', `${workflows}\\?[^?]*watch=true`],
    logs: ['GET', `/api/v1/namespaces/${namespace}/pods/${NAME}/log`],
  };
}

function sharedRoutes(workflows: string, templates: string): Partial<Record<Verb, Route>> {
  return {
    register: ['POST', templates],
    retire: ['DELETE', `${templates}/${NAME}`],
    describe: ['GET', `${templates}/${NAME}`],
    discover: ['GET', templates],
    sentinel: ['GET', `${templates}/signalbox-sentinel-${NAME}`],
    submit: ['POST', workflows],
    find: ['GET', `${workflows}/${NAME}`],
    observe: ['GET', `${workflows}/${NAME}`],
    observeMany: ['GET', `${workflows}\\?${BY_KEYS}`],
    list: ['GET', `${workflows}\\?${BY_ANY_KEY}`],
    listBorn: ['GET', `${workflows}\\?${BY_END}`],
    forget: ['DELETE', `${workflows}/${NAME}`],
  };
}

function routesOf(access: Access, namespace: string): RouteOf {
  const routes = access === 'server' ? serverRoutes(namespace) : kubernetesRoutes(namespace);
  return (verb) => {
    const found = routes[verb];
    if (!found) return undefined;
    const rest = found[1].includes('\\?') ? '' : '(\\?.*)?$';
    return { method: found[0], path: new RegExp(`^${found[1]}${rest}`) };
  };
}

/** Logs, and the watch of workflows that hints come from. */
const STREAMS: Record<Access, RegExp> = {
  server: /^\/artifact-files\/|^\/api\/v1\/workflow-events\/|\/log\?/,
  kubernetes: /\/log\?|[?&]watch=true/,
};

export interface ArgoWire {
  wire: Wire;
  /** The same Argo, through the wire. */
  endpoint: ArgoEndpoint;
  /** Removes what was made over the wire, and nothing else: others may use the same Argo. */
  removeMade(): Promise<void>;
  close(): Promise<void>;
}

export async function argoWire(direct: ArgoEndpoint, access: Access): Promise<ArgoWire> {
  const { namespace } = direct;
  const { url, tls } = access === 'server' ? { url: direct.url, tls: {} } : readKubeconfig(direct.kubeconfig).endpoint;
  const network = await HttpWire.start(url, routesOf(access, namespace), { ...tls, streams: STREAMS[access] });
  const canary = await startCanary();
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-argo-'));
  const shown = new Map<string, string>();
  const made: Record<'workflows' | 'workflowtemplates', Set<string>> = {
    workflows: new Set(),
    workflowtemplates: new Set(),
  };
  network.rewrite = (request, body) => {
    const name = nameOfMade(request, body);
    if (name !== undefined) made[/templates/.test(request.path) ? 'workflowtemplates' : 'workflows'].add(name);
    return withShownWords(body, shown);
  };

  return {
    endpoint: { ...direct, ...(await leadingThrough(network, direct, access, folder)) },
    removeMade: async () => {
      for (const [type, names] of Object.entries(made)) {
        if (names.size === 0) continue;
        await kubectl(direct, 'delete', type, '-n', namespace, '--ignore-not-found', '--wait=false', ...names);
        names.clear();
      }
    },
    close: async () => {
      await network.close();
      await canary.close();
      await rm(folder, { recursive: true, force: true });
    },
    wire: {
      break: async (verb, fault) => network.break(verb, fault),
      down: () => network.down(),
      heal: () => network.heal(),
      calls: async (verb) => network.calls(verb),
      executions: async (key) => {
        const names = await kubectl(
          direct,
          'get',
          'workflows',
          '-n',
          namespace,
          '-l',
          `${RUN_KEY}=${key}`,
          '-o',
          'name',
        );
        return names.split('\n').filter((name) => name !== '').length;
      },
      plantForeign: async (key) => {
        made.workflows.add(key);
        await applyManifest(direct, foreignWorkflow(key));
        await untilListed(direct, `${RUN_KEY}=${key}`);
      },
      words: WORKFLOW_PHASES,
      // Fields of the spec say these; argo-answers.test.ts plays them.
      wordless: ['paused', 'cancelled'],
      show: async ({ key }, word) => void shown.set(key, word),
      canary,
    },
  };
}

/** How an adapter is told the address of the wire in place of Argo's. */
async function leadingThrough(
  network: HttpWire,
  { namespace, tokenFile }: ArgoEndpoint,
  access: Access,
  folder: string,
): Promise<Partial<ArgoEndpoint>> {
  if (access === 'server') return { url: network.url };
  const kubeconfig = join(folder, 'kubeconfig');
  const config = {
    'current-context': 'wire',
    contexts: [{ name: 'wire', context: { cluster: 'wire', user: 'wire', namespace } }],
    clusters: [{ name: 'wire', cluster: { server: network.url } }],
    users: [{ name: 'wire', user: { tokenFile } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return { kubeconfig };
}

/** It waits for somebody, so it costs no pod. */
function foreignWorkflow(key: string): object {
  const marker = { installationId: 'another-installation', key, contentDigest: 'theirs' };
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: toMetadata({ marker, runId: '1', labels: [] }),
    spec: { entrypoint: 'wait', templates: [{ name: 'wait', suspend: {} }] },
  };
}

/** Of an object that Argo has just made; nothing for any other answer. */
function nameOfMade({ method, path }: Arrived, body: string): string | undefined {
  if (method !== 'POST' || path.endsWith('/lint')) return undefined;
  const { name, uid } = ((readable(body) as Shown | null | undefined)?.metadata ?? {}) as Record<string, unknown>;
  return typeof name === 'string' && typeof uid === 'string' ? name : undefined;
}

interface Shown {
  metadata?: { name?: unknown; labels?: Record<string, string> };
  status?: object;
}

/** Lets workflows bear words that Argo would not show when a case wants it to; its controller labels them with their word. */
function withShownWords(body: string, shown: ReadonlyMap<string, string>): string {
  if (shown.size === 0) return body;
  const answer = readable(body);
  if (typeof answer !== 'object' || answer === null) return body;
  const { items } = answer as { items?: unknown };
  for (const one of (Array.isArray(items) ? items : [answer]) as Shown[]) {
    const name = one.metadata?.name;
    const word = typeof name === 'string' ? shown.get(name) : undefined;
    if (word === undefined) continue;
    const { [PHASE_LABEL]: _, ...labels } = one.metadata?.labels ?? {};
    one.metadata = { ...one.metadata, labels: word === '' ? labels : { ...labels, [PHASE_LABEL]: word } };
    one.status = { ...one.status, phase: word };
  }
  return JSON.stringify(answer);
}

function readable(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
