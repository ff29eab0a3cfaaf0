/** A real Argo that is recorded, through argo-server or the Kubernetes API. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { kubectl } from '../../../adapters/argo/argo-endpoint.test-support.js';
import type { ArgoEndpoint } from '../../../adapters/argo/argo-endpoint.test-support.js';
import { ARGO_FIXTURES } from '../../../adapters/argo/argo-fixtures.test-support.js';
import { argoPeople } from '../../../adapters/argo/argo-lab.test-support.js';
import { createArgoAdapter } from '../../../adapters/argo/argo.adapter.js';
import { readKubeconfig } from '../../../adapters/argo/kubeconfig.js';
import { portableFixture } from '../../../adapters/conformance/portable-fixtures.js';
import { ENGINE_URL } from './clean-recording.js';
import { argoAccess } from './dialects.js';
import { Recorder } from './recorder.js';
import type { Upstream } from './recorder.js';
import { INSTALLATION } from './recording-stage.js';
import type { RecordingStage } from './recording-stage.js';

/** An image of the lab. */
const IMAGE = 'localhost/busybox:1';

export async function argoStage(dialect: 'argo' | 'argo-kubernetes', endpoint: ArgoEndpoint): Promise<RecordingStage> {
  const upstream = upstreamOf(dialect, endpoint);
  const recorder = await Recorder.start(upstream);
  const people = argoPeople(endpoint);
  return {
    dialect,
    recorder,
    connect: async () => createArgoAdapter(argoAccess(dialect, recorder.url, endpoint.namespace)),
    native: (fixture) => ({ format: 'native', text: JSON.stringify(ARGO_FIXTURES[fixture]) }),
    compiled: (fixture) => {
      const definition = JSON.parse(portableFixture(fixture).text) as object;
      return { format: 'signalbox/v1', text: JSON.stringify({ ...definition, defaults: { image: IMAGE } }) };
    },
    // argo-server looks whether the entrypoint is there, the Kubernetes API at names and labels alone.
    broken: {
      format: 'native',
      text: JSON.stringify({
        ...ARGO_FIXTURES.linear,
        ...(dialect === 'argo'
          ? { spec: { entrypoint: 'nobody', templates: [] } }
          : { metadata: { labels: { recorded: 'no value of a label!' } } }),
      }),
    },
    people,
    forgetSentinel: async () => {
      const sentinel = `signalbox-sentinel-${INSTALLATION}`;
      await kubectl(endpoint, 'delete', 'workflowtemplate', sentinel, '-n', endpoint.namespace, '--ignore-not-found');
    },
    places: {
      texts: [
        [recorder.url, ENGINE_URL],
        [upstream.url, ENGINE_URL],
        [dirname(endpoint.adminKubeconfig), 'LAB'],
        [hostname(), 'node.example'],
      ],
    },
    close: async () => {
      await people.withdraw();
      await recorder.close();
    },
  };
}

function upstreamOf(dialect: 'argo' | 'argo-kubernetes', { url, tokenFile, kubeconfig }: ArgoEndpoint): Upstream {
  if (dialect === 'argo-kubernetes') return readKubeconfig(kubeconfig).endpoint;
  return { url, bearer: async () => readFileSync(tokenFile, 'utf8').trim() };
}
