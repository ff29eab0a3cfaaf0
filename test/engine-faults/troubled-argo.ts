import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl, type ArgoEndpoint } from '../../adapters/argo/argo-endpoint.test-support.js';
import { applyManifest, restartArgo } from '../../adapters/argo/argo-lab.test-support.js';
import { RUN_KEY } from '../../adapters/argo/marker.js';
import { realArgo } from '../real-engines/real-argo.js';
import { engineLab } from '../support/engine-lab.js';
import { until } from '../support/until.js';
import type { TroubledEngine } from './troubled-engine.js';

const CONTROLLER = 'deploy/workflow-controller';
/** Of the account that Signalbox uses; deleting it ends every token that is bound to it. */
const BOUND = 'signalbox-faults-token';
/** For so long after the beginning of a node Argo takes a pod that is missing for one that it has not seen yet (3.7.4: 10 s). */
const RECENTLY_STARTED_MS = 12_000;

interface Workflow {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}

/** Through argo-server. `kubernetes` parts are killed as processes, Argo's own are pods. */
export async function troubledArgo(endpoint: ArgoEndpoint): Promise<TroubledEngine> {
  const engine = realArgo(endpoint);
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-faults-'));
  const tokenFile = join(folder, 'token');
  const at = ['-n', endpoint.namespace];
  const control = (...args: string[]): Promise<string> => kubectl(endpoint, ...args, ...at);

  const acceptCredentials = async (): Promise<void> => {
    await applyManifest(endpoint, { apiVersion: 'v1', kind: 'Secret', metadata: { name: BOUND } });
    const bound = ['--bound-object-kind=Secret', `--bound-object-name=${BOUND}`];
    await writeFile(tokenFile, await control('create', 'token', 'signalbox', '--duration=2h', ...bound));
  };
  await acceptCredentials();

  return {
    engine: { ...engine, options: (url) => ({ ...engine.options(url), tokenFile }) },
    patienceMs: 180_000,
    isSubmit: (bytes) => /^POST \/api\/v1\/workflows\/[^/ ]+ /.test(bytes.toString('latin1', 0, 400)),
    isList: (bytes) => /^GET \/api\/v1\/workflows\/[^/ ]+\?\S*labelSelector/.test(bytes.toString('latin1', 0, 2000)),
    wordOf: async ({ key }) => {
      const word = await control('get', 'workflow', key, '--ignore-not-found', '-o', 'jsonpath={.status.phase}/');
      return word === '' ? undefined : word.replace(/\/$/, '');
    },
    endWords: ['Succeeded', 'Failed', 'Error'],

    kill: {
      everything: () => engineLab('kill', 'argo'),
      interface: () => engineLab('kill', 'argo', { services: ['apiserver'] }),
      scheduler: async () => void (await control('scale', CONTROLLER, '--replicas=0')),
      parser: { impossible: 'Kubernetes stores templates; nothing reads them before a run' },
    },
    revive: async () => {
      await engineLab('up', 'argo');
      await control('scale', CONTROLLER, '--replicas=1');
      await control('rollout', 'status', CONTROLLER, '--timeout=120s');
      await restartArgo(endpoint, 'server');
    },
    save: () => engineLab('save', 'argo'),
    restore: () => engineLab('restore', 'argo'),

    refuseCredentials: async () => {
      await control('delete', 'secret', BOUND);
      // Kubernetes remembers for a while whom a token was of.
      await sleep(15_000);
    },
    acceptCredentials,

    plant: async (key, like, by) => {
      const { metadata, spec } = JSON.parse(await control('get', 'workflow', like.key, '-o', 'json')) as Workflow;
      const { labels = {}, annotations = {} } = metadata;
      const planted = by === 'this-installation' ? annotations : { ...annotations, 'signalbox/installation-id': by };
      await applyManifest(endpoint, {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Workflow',
        metadata: { name: key, labels: { ...labels, [RUN_KEY]: key }, annotations: planted },
        spec,
      });
    },
    remove: async ({ key }) => void (await control('delete', 'workflow', key)),
    runAgain: async ({ key }) => {
      const answer = await fetch(`${endpoint.url}/api/v1/workflows/${endpoint.namespace}/${key}/retry`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${await readFile(endpoint.tokenFile, 'utf8')}` },
        body: JSON.stringify({ name: key, namespace: endpoint.namespace }),
      });
      if (!answer.ok) throw new Error(`Argo does not retry ${key}: ${await answer.text()}`);
    },
    killWork: async ({ key }) => {
      const ofRun = ['-l', `workflows.argoproj.io/workflow=${key}`, '--field-selector=status.phase=Running'];
      const pod = await until(
        () => control('get', 'pods', ...ofRun, '-o', 'name'),
        (name) => name !== '',
      );
      // One that is lost sooner after its beginning Argo begins again, as the same node.
      await sleep(RECENTLY_STARTED_MS);
      await control('delete', pod);
    },
    hold: { impossible: 'Argo suspends runs, not templates' },
    release: () => Promise.resolve(),
    removeDefinition: async ({ key }) => {
      const template = await control('get', 'workflow', key, '-o', 'jsonpath={.spec.workflowTemplateRef.name}');
      await control('delete', 'workflowtemplate', template);
    },
    unreadable: { impossible: 'Kubernetes refuses a template that Argo could not read' },
    close: async () => {
      await control('delete', 'secret', BOUND, '--ignore-not-found');
      await rm(folder, { recursive: true, force: true });
      await engine.close();
    },
  };
}
