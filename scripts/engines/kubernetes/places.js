// Where everything of the lab is, and which versions it is made of.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const KUBERNETES_VERSION = 'v1.33.13';
export const ARGO_VERSION = 'v3.7.4';
export const ARGO_MODULE = 'github.com/argoproj/argo-workflows/v3';

/** The address of the bridge: of the node, of the API server, and the gateway of every pod. No outer interface is used. */
export const NODE_IP = '10.244.0.1';
export const POD_NETWORK = '10.244.0.0/22';
export const BRIDGE = 'lab0';
/** A service of Kubernetes with a fixed address, reached from this machine through kube-proxy's rules. */
export const ARGO_URL = 'http://10.96.0.46:2746';
export const API_URL = `https://${NODE_IP}:6443`;
export const ETCD_URL = 'http://127.0.0.1:12379';
export const ETCD_PEER_URL = 'http://127.0.0.1:12380';

export const SOURCES = fileURLToPath(new URL('./', import.meta.url));
/** Sockets have to have short paths, and are gone with a restart of the machine. */
export const RUN_FOLDER = '/run/signalbox-argo';
export const CONTAINERD_SOCKET = join(RUN_FOLDER, 'containerd.sock');

/** Absolute paths below the lab's folder. */
export function placesOf(lab) {
  const at = (...names) => join(lab.folder, ...names);
  return {
    bin: at('bin'),
    kube: at('bin', 'kube'),
    images: at('images'),
    modules: at('argo-module'),
    pki: at('pki'),
    etc: at('etc'),
    cni: at('etc', 'cni'),
    state: at('state'),
    adminConfig: at('admin.kubeconfig'),
    /** As the account Signalbox uses, with its rights and no more. */
    ownConfig: at('signalbox.kubeconfig'),
    ownToken: at('signalbox.token'),
    endpoint: at('endpoint.json'),
  };
}
