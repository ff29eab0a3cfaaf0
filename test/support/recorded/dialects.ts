/** How the adapter of each dialect is connected where no engine is: to an address that says what one said. */
import { createArgoAdapter } from '../../../adapters/argo/argo.adapter.js';
import type { ArgoAdapterOptions } from '../../../adapters/argo/argo.adapter.js';
import { KubernetesAccess } from '../../../adapters/argo/kubernetes-access.js';
import { ServerAccess } from '../../../adapters/argo/server-access.js';
import { airflowAdapter } from '../../../adapters/airflow/airflow.adapter.js';
import { readAirflowOptions } from '../../../adapters/airflow/airflow-options.js';
import type { EngineAdapter } from '../../../adapters/spi/engine-adapter.js';
import type { Dialect } from './recording.js';
import { INSTALLATION } from './recording-stage.js';

/** Of the lab, where the recordings were made. */
const NAMESPACE = 'argo';

/** `folder` is where definitions of Airflow may be written. */
export function connectDialect(dialect: Dialect, url: string, folder: string): EngineAdapter {
  if (dialect === 'argo' || dialect === 'argo-kubernetes')
    return createArgoAdapter(argoAccess(dialect, url, NAMESPACE));
  const options = readAirflowOptions({ url, username: 'somebody', password: 'nothing', dagsFolder: folder });
  return airflowAdapter(options, { installationId: INSTALLATION });
}

/** Whoever listens there adds the token that the engine wants, or wants none. */
export function argoAccess(dialect: 'argo' | 'argo-kubernetes', url: string, namespace: string): ArgoAdapterOptions {
  const endpoint = { url, tls: {}, bearer: async () => undefined };
  return {
    access: dialect === 'argo' ? new ServerAccess(endpoint, namespace) : new KubernetesAccess(endpoint, namespace),
    installationId: INSTALLATION,
    keepSeconds: 3_600,
    pageOf: ({ name }, node) => `${url}/workflows/${namespace}/${name}${node === undefined ? '' : `?nodeId=${node}`}`,
  };
}
