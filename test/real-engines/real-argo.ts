import { kubectl, optionsOf, type ArgoEndpoint } from '../../adapters/argo/argo-endpoint.test-support.js';
import { INSTALLATION, MANAGED_BY, toLabelValue } from '../../adapters/argo/marker.js';
import type { RealEngine } from './real-engine.js';

/** Argo's own label of the pods of a workflow. */
const OF_WORKFLOW = 'workflows.argoproj.io/workflow';

/** Waits without a pod. */
const WAITING = JSON.stringify({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'WorkflowTemplate',
  spec: { entrypoint: 'wait', templates: [{ name: 'wait', suspend: {} }] },
});

interface Listed {
  items: {
    metadata: { name: string; labels?: Record<string, string> };
    spec?: { workflowTemplateRef?: { name?: string } };
    status?: { phase?: string };
  }[];
}

function templateOf(workflow: Listed['items'][number] | undefined): string | undefined {
  return workflow?.spec?.workflowTemplateRef?.name;
}

export function realArgo(endpoint: ArgoEndpoint): RealEngine {
  const list = async (kind: string, selector: string): Promise<Listed['items']> => {
    const text = await kubectl(endpoint, 'get', kind, '-n', endpoint.namespace, '-l', selector, '-o', 'json');
    return (JSON.parse(text) as Listed).items;
  };
  return {
    name: 'argo',
    kind: 'argo',
    url: endpoint.url,
    options: (url) => ({ ...optionsOf(endpoint, 'server'), url }),
    task: { image: 'localhost/busybox:1' },
    waiting: WAITING,
    executions: async (externalId) => {
      const ours = await list('workflows', `${MANAGED_BY}=signalbox`);
      const template = templateOf(ours.find(({ metadata }) => metadata.name === externalId));
      const workflows = ours.filter((one) => template === undefined || templateOf(one) === template);
      return new Set(workflows.map((workflow) => workflow.metadata.name));
    },
    working: async (externalIds) => {
      const pods = await list('pods', OF_WORKFLOW);
      return pods.filter(
        ({ metadata, status }) =>
          externalIds.has(metadata.labels?.[OF_WORKFLOW] ?? '') && ['Pending', 'Running'].includes(status?.phase ?? ''),
      ).length;
    },
    loseTask: async (externalId) => {
      await kubectl(endpoint, 'delete', 'pods', '-n', endpoint.namespace, '-l', `${OF_WORKFLOW}=${externalId}`);
    },
    removeAllOf: async (installationId) => {
      const selector = `${INSTALLATION}=${toLabelValue(installationId)}`;
      // One request a kind: kubectl would delete a thousand one by one, and wait for each.
      for (const kind of ['workflows', 'workflowtemplates']) {
        const path = `/apis/argoproj.io/v1alpha1/namespaces/${endpoint.namespace}/${kind}`;
        await kubectl(endpoint, 'delete', '--raw', `${path}?labelSelector=${encodeURIComponent(selector)}`);
      }
    },
    close: () => Promise.resolve(),
  };
}
