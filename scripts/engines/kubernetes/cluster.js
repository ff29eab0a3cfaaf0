// The processes of a Kubernetes of one node, in the order in which they need each other.
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAdminConfig, writeCertificates } from './certificates.js';
import { makeBridge, removeBridge, unmountBelow } from './network.js';
import {
  API_URL,
  CONTAINERD_SOCKET,
  ETCD_PEER_URL,
  ETCD_URL,
  NODE_IP,
  RUN_FOLDER,
  SOURCES,
  placesOf,
} from './places.js';
import { outputOf, succeeds } from './run-program.js';

/** Also the order in which they start; they end in another one, so that pods are not started anew meanwhile. */
export const SERVICES = ['etcd', 'containerd', 'apiserver', 'controller-manager', 'scheduler', 'kubelet', 'proxy'];
const END_FIRST = ['kubelet', 'proxy', 'scheduler', 'controller-manager'];
const END_LAST = ['containerd', 'apiserver', 'etcd'];
const IMPORT_SECONDS = 300;

/** Answers when the node is ready for pods. */
export async function startCluster(lab) {
  const places = placesOf(lab);
  await mkdir(RUN_FOLDER, { recursive: true, mode: 0o755 });
  await mkdir(join(places.state, 'etcd'), { recursive: true, mode: 0o700 });
  await writeCertificates(places);
  await writeAdminConfig(places);
  await writeSettings(places);
  await makeBridge();

  const env = { ...process.env, PATH: `${places.bin}:${process.env.PATH}:/usr/sbin:/sbin` };
  const start = (service, program, args) => lab.start(service, program, args, env);
  await start('etcd', 'etcd', etcdFlags(places));
  await start('containerd', 'containerd', ['--config', join(places.etc, 'containerd.toml')]);
  await start('apiserver', places.kube, ['apiserver', ...apiServerFlags(places)]);
  await lab.until('the API server answers', ['etcd', 'apiserver'], () => kubectl(places, 'get', '--raw', '/readyz'));
  await start('controller-manager', places.kube, ['controller-manager', ...controllerFlags(places)]);
  await start('scheduler', places.kube, ['scheduler', ...clientFlags(places)]);
  await lab.until('containerd answers', ['containerd'], () => ctr('version'));
  await importImages(lab, places);
  await start('kubelet', places.kube, ['kubelet', ...kubeletFlags(places)]);
  await start('proxy', places.kube, ['proxy', '--config', join(places.etc, 'proxy.yaml')]);
  await lab.until('the node is ready', SERVICES, async () => {
    await kubectl(places, 'get', 'serviceaccount', 'default', '-n', 'default');
    return / Ready /.test(await kubectl(places, 'get', 'node', 'node1', '--no-headers'));
  });
}

/** Ends the processes, every container and what they mounted; the state stays. */
export async function stopCluster(lab) {
  const places = placesOf(lab);
  for (const service of END_FIRST) await lab.stop(service);
  if (await succeeds('ctr', ['-a', CONTAINERD_SOCKET, 'version'])) await removeContainers();
  for (const service of END_LAST) await lab.stop(service);
  await unmountBelow([places.state, RUN_FOLDER]);
  if (existsSync(places.kube)) await succeeds(places.kube, ['proxy', '--cleanup']);
  await removeBridge();
}

/** As administrator of the lab. */
export function kubectl(places, ...args) {
  return outputOf(places.kube, ['kubectl', '--kubeconfig', places.adminConfig, ...args], { seconds: 150 });
}

function ctr(...args) {
  return outputOf('ctr', ['-a', CONTAINERD_SOCKET, '-n', 'k8s.io', ...args], { seconds: IMPORT_SECONDS });
}

async function writeSettings(places) {
  await mkdir(places.cni, { recursive: true });
  const replaced = { '@RUN@': RUN_FOLDER, '@STATE@': places.state, '@PKI@': places.pki, '@CNI@': places.cni };
  const settings = {
    'containerd.toml': places.etc,
    'kubelet.yaml': places.etc,
    'proxy.yaml': places.etc,
    '10-lab.conflist': places.cni,
  };
  for (const [file, folder] of Object.entries(settings)) {
    let text = await readFile(join(SOURCES, 'etc', file), 'utf8');
    for (const [word, value] of Object.entries(replaced)) text = text.replaceAll(word, value);
    await writeFile(join(folder, file), text.replaceAll('@KUBECONFIG@', places.adminConfig));
  }
}

/** Each image once: containerd keeps them in the state. A file beside the state tells which version it has. */
async function importImages(lab, places) {
  for (const file of (await readdir(places.images)).filter((name) => name.endsWith('.tar'))) {
    const image = join(places.images, file);
    const { mtime } = await stat(image);
    const note = join(places.state, `${file}.imported`);
    const imported = await stat(note).catch(() => undefined);
    if (imported && imported.mtime.getTime() === mtime.getTime()) continue;
    await ctr('image', 'import', image);
    await writeFile(note, '');
    await utimes(note, mtime, mtime);
  }
}

async function removeContainers() {
  const ids = async (...list) => (await ctr(...list, 'ls', '-q')).split('\n').filter((id) => id !== '');
  for (const task of await ids('task')) await succeedsInCtr('task', 'kill', '-s', 'KILL', task);
  for (const task of await ids('task')) await succeedsInCtr('task', 'rm', '-f', task);
  for (const container of await ids('container')) await succeedsInCtr('container', 'rm', container);
}

function succeedsInCtr(...args) {
  return succeeds('ctr', ['-a', CONTAINERD_SOCKET, '-n', 'k8s.io', ...args]);
}

function etcdFlags(places) {
  return [
    `--data-dir=${join(places.state, 'etcd')}`,
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    `--listen-peer-urls=${ETCD_PEER_URL}`,
    `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
    `--initial-cluster=default=${ETCD_PEER_URL}`,
    '--quota-backend-bytes=4294967296',
    '--auto-compaction-mode=periodic',
    '--auto-compaction-retention=10m',
  ];
}

function apiServerFlags(places) {
  const pki = (name) => join(places.pki, name);
  return [
    `--etcd-servers=${ETCD_URL}`,
    `--bind-address=${NODE_IP}`,
    `--advertise-address=${NODE_IP}`,
    `--secure-port=${new URL(API_URL).port}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-signing-key-file=${pki('sa.key')}`,
    `--service-account-key-file=${pki('sa.key')}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    `--kubelet-client-certificate=${pki('admin.crt')}`,
    `--kubelet-client-key=${pki('admin.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

function clientFlags(places) {
  return [
    `--kubeconfig=${places.adminConfig}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
}

function controllerFlags(places) {
  return [
    ...clientFlags(places),
    `--service-account-private-key-file=${join(places.pki, 'sa.key')}`,
    `--root-ca-file=${join(places.pki, 'ca.crt')}`,
    '--use-service-account-credentials=true',
    '--allocate-node-cidrs=false',
  ];
}

function kubeletFlags(places) {
  return [
    `--kubeconfig=${places.adminConfig}`,
    `--config=${join(places.etc, 'kubelet.yaml')}`,
    '--hostname-override=node1',
    `--node-ip=${NODE_IP}`,
    `--root-dir=${join(places.state, 'kubelet')}`,
    `--cert-dir=${join(places.state, 'kubelet-pki')}`,
  ];
}
