import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FixtureName } from '../conformance/fixtures.js';
import type { People } from '../conformance/people.js';
import { INSTALLATION_ID } from '../conformance/world.js';
import type { EngineAdapter } from '../spi/engine-adapter.js';
import type { EngineHost } from '../spi/engine-kind.js';
import type { ExecutionRef } from '../spi/facts.js';
import { kubectl, optionsOf, type Access, type ArgoEndpoint } from './argo-endpoint.test-support.js';
import { ARGO_FIXTURES } from './argo-fixtures.test-support.js';
import { argoEngine } from './argo.engine-kind.js';

export function connectArgo(endpoint: ArgoEndpoint, access: Access): Promise<EngineAdapter> {
  const host = { engineName: 'argo', installationId: INSTALLATION_ID } as EngineHost;
  return argoEngine.create(optionsOf(endpoint, access), host);
}

export function definitionOf(fixture: FixtureName): { format: 'native'; text: string } {
  return { format: 'native', text: JSON.stringify(ARGO_FIXTURES[fixture]) };
}

/** What the way to Argo leads over: the Kubernetes API knows nothing of argo-server. */
const DEPLOYMENTS: Record<Access, string[]> = {
  server: ['deploy/argo-server', 'deploy/workflow-controller'],
  kubernetes: ['deploy/workflow-controller'],
};

export async function restartArgo(endpoint: ArgoEndpoint, access: Access): Promise<void> {
  const deployments = DEPLOYMENTS[access];
  await kubectl(endpoint, 'rollout', 'restart', '-n', endpoint.namespace, ...deployments);
  for (const deployment of deployments) {
    await kubectl(endpoint, 'rollout', 'status', '-n', endpoint.namespace, deployment, '--timeout=120s');
  }
  // Ready is the server's page; its interface answers 503 until it has reached itself.
  const headers = { authorization: bearerOf(endpoint) };
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200)) {
    const answer = await fetch(`${endpoint.url}/api/v1/version`, { headers }).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error('argo-server does not answer after its restart');
}

function bearerOf({ tokenFile }: ArgoEndpoint): string {
  return `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;
}

/** What Argo's retention does at last: neither the workflow nor its archived copy is there. */
export async function forget(endpoint: ArgoEndpoint, { key }: ExecutionRef): Promise<void> {
  const field = async (path: string): Promise<string> =>
    kubectl(endpoint, 'get', 'workflow', key, '-n', endpoint.namespace, '-o', `jsonpath=${path}`);
  const archived = async (): Promise<boolean> =>
    (await field('{.metadata.labels.workflows\\.argoproj\\.io/workflow-archiving-status}')) === 'Archived';
  for (const end = Date.now() + 60_000; Date.now() < end && !(await archived());) await sleep(200);
  const uid = await field('{.metadata.uid}');
  await kubectl(endpoint, 'delete', 'workflow', key, '-n', endpoint.namespace);
  const url = `${endpoint.url}/api/v1/archived-workflows/${uid}`;
  const answer = await fetch(url, { method: 'DELETE', headers: { authorization: bearerOf(endpoint) } });
  if (!answer.ok) throw new Error(`the archived copy of ${key} was not deleted: ${answer.status}`);
}

const SERVED_WITHIN_MS = 10_000;

/** Of everything that people put there, so that it is found again: its value tells whose people. */
const PEOPLES = 'signalbox-test/people';

/** What people do on a real Argo: apply templates, submit them by hand. `withdraw` takes everything away again. */
export function argoPeople(endpoint: ArgoEndpoint): People & { withdraw(): Promise<void> } {
  const group = randomBytes(5).toString('hex');
  return {
    offer: async (fixture, name, label) => {
      const labels = { [PEOPLES]: group, ...(label === undefined ? {} : { [label.key]: label.value }) };
      await applyManifest(endpoint, { ...ARGO_FIXTURES[fixture], metadata: { name, labels } });
      await untilServed(endpoint, name);
      return name;
    },
    start: async (reference) => {
      const body = {
        namespace: endpoint.namespace,
        resourceKind: 'WorkflowTemplate',
        resourceName: reference,
        submitOptions: { labels: `${PEOPLES}=${group}` },
      };
      const answer = await fetch(`${endpoint.url}/api/v1/workflows/${endpoint.namespace}/submit`, {
        method: 'POST',
        headers: { authorization: bearerOf(endpoint), 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const made = (await answer.json()) as { metadata?: { name?: string }; message?: string };
      if (made.metadata?.name === undefined) throw new Error(`Argo did not submit ${reference}: ${made.message}`);
      return made.metadata.name;
    },
    withdraw: async () => {
      await kubectl(
        endpoint,
        'delete',
        'workflows,workflowtemplates',
        '-n',
        endpoint.namespace,
        '-l',
        `${PEOPLES}=${group}`,
      );
    },
  };
}

/** argo-server starts from its own copy of the templates, which comes a moment after what Kubernetes took (3.7.4). */
async function untilServed(endpoint: ArgoEndpoint, template: string): Promise<void> {
  const path = `workflow-templates/${endpoint.namespace}/${template}`;
  await untilSays(endpoint, path, `the template ${template}`, () => true);
}

/** So is its list of workflows. */
export async function untilListed(endpoint: ArgoEndpoint, selector: string): Promise<void> {
  const search = new URLSearchParams({ 'listOptions.labelSelector': selector, fields: 'items.metadata.name' });
  const path = `workflows/${endpoint.namespace}?${search.toString()}`;
  await untilSays(
    endpoint,
    path,
    `a workflow with ${selector}`,
    ({ items }) => Array.isArray(items) && items.length > 0,
  );
}

async function untilSays(
  endpoint: ArgoEndpoint,
  path: string,
  what: string,
  holds: (answer: { items?: unknown }) => boolean,
): Promise<void> {
  const headers = { authorization: bearerOf(endpoint) };
  const end = performance.now() + SERVED_WITHIN_MS;
  while (performance.now() < end) {
    const answer = await fetch(`${endpoint.url}/api/v1/${path}`, { headers });
    if (answer.ok && holds((await answer.json()) as { items?: unknown })) return;
    await sleep(100);
  }
  throw new Error(`argo-server does not show ${what}`);
}

/** Applies one object in the namespace of the lab, as administrator. */
export async function applyManifest(endpoint: ArgoEndpoint, manifest: object): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-argo-'));
  try {
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await kubectl(endpoint, 'apply', '-n', endpoint.namespace, '-f', join(folder, 'manifest.json'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
