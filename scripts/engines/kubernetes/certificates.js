// An authority of the lab's own, the certificate of its API server, and one for whoever administers it.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { API_URL, NODE_IP } from './places.js';
import { outputOf } from './run-program.js';

const DAYS = '365';
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const SERVER_NAMES = [
  'IP:10.96.0.1',
  `IP:${NODE_IP}`,
  'IP:127.0.0.1',
  'DNS:localhost',
  'DNS:kubernetes',
  'DNS:kubernetes.default',
  'DNS:kubernetes.default.svc',
  'DNS:kubernetes.default.svc.cluster.local',
];

export async function writeCertificates(places) {
  if (existsSync(join(places.pki, 'sa.key'))) return;
  await mkdir(places.pki, { recursive: true, mode: 0o700 });
  const openssl = (...args) => outputOf('openssl', args, { cwd: places.pki });
  const issue = async (name, subject, usage, names) => {
    const extensions = [`extendedKeyUsage=${usage}`, ...(names ? [`subjectAltName=${names.join(',')}`] : [])];
    await writeFile(join(places.pki, `${name}.ext`), `${extensions.join('\n')}\n`);
    await openssl('req', ...CURVE, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', DAYS];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.crt`, '-extfile', `${name}.ext`);
  };
  await openssl('req', '-x509', ...CURVE, '-days', DAYS, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=lab-ca');
  await issue('apiserver', '/CN=kube-apiserver', 'serverAuth', SERVER_NAMES);
  await issue('admin', '/O=system:masters/CN=lab-admin', 'clientAuth');
  // Signs the tokens of service accounts. Last: it tells that all of them are there.
  await openssl('genrsa', '-out', 'sa.key', '2048');
}

/** For the parts of the cluster, and for whoever wants to look. */
export async function writeAdminConfig(places) {
  const user = { 'client-certificate': join(places.pki, 'admin.crt'), 'client-key': join(places.pki, 'admin.key') };
  await writeConfig(places.adminConfig, places, user);
}

/** With the rights of Signalbox's account. */
export async function writeOwnConfig(places) {
  await writeConfig(places.ownConfig, places, { tokenFile: places.ownToken });
}

/** JSON is YAML. */
async function writeConfig(file, places, user) {
  const cluster = { server: API_URL, 'certificate-authority': join(places.pki, 'ca.crt') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace: 'argo' } }],
    clusters: [{ name: 'lab', cluster }],
    users: [{ name: 'lab', user }],
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}
