// Argo Workflows on a real Kubernetes of one node: pods, argo-server, controller, archive. Needs root and Go; see kubernetes/.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATABASE_FOLDER, DATABASE_SERVICE, startDatabase } from './kubernetes/argo-database.js';
import { build } from './kubernetes/build.js';
import { writeOwnConfig } from './kubernetes/certificates.js';
import { SERVICES, kubectl, startCluster, stopCluster } from './kubernetes/cluster.js';
import { ARGO_URL, SOURCES, placesOf } from './kubernetes/places.js';

const NAMESPACE = 'argo';
/** Names a file with the address and the credentials; without it the tests against a real Argo are skipped. */
const VARIABLE = 'ARGO_ENDPOINT';
const TOKEN_LIFE = '24h';

export const engine = {
  async up(lab) {
    if (process.getuid?.() !== 0) throw new Error('a Kubernetes node needs root');
    const places = placesOf(lab);
    await build(lab);
    await startCluster(lab);
    await startDatabase(lab);
    const types = join(await readFile(places.modules, 'utf8'), 'manifests', 'base', 'crds', 'minimal');
    await kubectl(places, 'apply', '--server-side', '-k', types);
    await kubectl(places, 'apply', '-f', join(SOURCES, 'etc', 'argo.yaml'));
    for (const deployment of ['workflow-controller', 'argo-server']) {
      await kubectl(places, 'rollout', 'status', '-n', NAMESPACE, `deploy/${deployment}`, '--timeout=120s');
    }
    await writeEndpoint(places);
    // A ready pod serves the page; the interface answers 503 until the server has reached itself.
    const headers = { authorization: `Bearer ${await readFile(places.ownToken, 'utf8')}` };
    await lab.until('argo-server answers', SERVICES, async () => {
      return (await fetch(`${ARGO_URL}/api/v1/version`, { headers })).ok;
    });
  },

  async down(lab) {
    await stopCluster(lab);
    await lab.stop(DATABASE_SERVICE);
  },

  async status(lab) {
    const places = placesOf(lab);
    const all = [...SERVICES, DATABASE_SERVICE];
    const running = await Promise.all(all.map(async (service) => (await lab.running(service)) !== undefined));
    const state = running.every(Boolean) ? 'up' : running.some(Boolean) ? 'partly up' : 'down';
    if (state !== 'up' || !existsSync(places.endpoint)) return { state };
    const options = { url: ARGO_URL, namespace: NAMESPACE, tokenFile: places.ownToken };
    return { state, url: ARGO_URL, options, variable: VARIABLE, endpoint: places.endpoint };
  },

  services: SERVICES,
  /** What Kubernetes holds, and Argo's archive. */
  memory: async (lab) => [join(placesOf(lab).state, 'etcd'), DATABASE_FOLDER],

  logs: (lab) =>
    [...SERVICES, DATABASE_SERVICE].map((service) => lab.logOf(service)).filter((file) => existsSync(file)),
};

/** As Signalbox's account, whose rights are those that the adapter's README asks for. */
async function writeEndpoint(places) {
  const token = await kubectl(places, 'create', 'token', 'signalbox', '-n', NAMESPACE, `--duration=${TOKEN_LIFE}`);
  await writeFile(places.ownToken, token, { mode: 0o600 });
  await writeOwnConfig(places);
  const endpoint = {
    url: ARGO_URL,
    namespace: NAMESPACE,
    tokenFile: places.ownToken,
    kubeconfig: places.ownConfig,
    // For what only the tests do: a pod deleted by hand, a controller restarted.
    adminKubeconfig: places.adminConfig,
    kubectl: places.kube,
  };
  await writeFile(places.endpoint, JSON.stringify(endpoint, null, 2), { mode: 0o600 });
}
