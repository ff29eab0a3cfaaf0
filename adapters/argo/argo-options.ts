/** The section of ENGINES_FILE of one Argo. */
import { durationMs } from '../../definition/duration.js';
import type { ArgoAccess } from './argo-access.js';
import { bearerFrom } from './bearer.js';
import { readKubeconfig, readServiceAccount } from './kubeconfig.js';
import { KubernetesAccess } from './kubernetes-access.js';
import { ServerAccess } from './server-access.js';
import { OptionsRefused } from '../spi/engine-kind.js';

const SERVER_KEYS = [
  'access',
  'url',
  'token',
  'tokenFile',
  'namespace',
  'ca',
  'insecure',
  'uiUrl',
  'keep',
  'serviceAccount',
];
const KUBERNETES_KEYS = ['access', 'kubeconfig', 'context', 'namespace', 'uiUrl', 'keep', 'serviceAccount'];
const DEFAULT_KEEP = '7d';

export interface ArgoOptions {
  access: ArgoAccess;
  namespace: string;
  keepSeconds: number;
  /** Of the pods of compiled definitions. */
  serviceAccount?: string;
  /** Without a slash at its end. */
  uiUrl?: string;
}

/** Throws `Error` with a sentence naming the bad key. */
export function parseArgoOptions(options: Record<string, unknown>): ArgoOptions {
  const way = options['access'] ?? 'server';
  if (way !== 'server' && way !== 'kubernetes') throw new OptionsRefused('access: has to be server or kubernetes');
  const allowed = way === 'server' ? SERVER_KEYS : KUBERNETES_KEYS;
  for (const key of Object.keys(options)) {
    if (!allowed.includes(key))
      throw new OptionsRefused(`${key}: not known with access ${way} (allowed: ${allowed.join(', ')})`);
  }
  const keepMs = durationMs(textOf(options, 'keep') ?? DEFAULT_KEEP);
  if (keepMs === undefined || keepMs < 60_000) throw new OptionsRefused('keep: has to be a duration of at least "1m"');
  const uiUrl = addressOf(options, 'uiUrl');
  const serviceAccount = textOf(options, 'serviceAccount');
  if (serviceAccount !== undefined && !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(serviceAccount)) {
    throw new OptionsRefused('serviceAccount: has to be the name of a service account of Kubernetes');
  }
  const rest = {
    keepSeconds: Math.ceil(keepMs / 1_000),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  };
  if (way === 'kubernetes') {
    const { access, namespace } = throughKubernetes(options);
    return { ...rest, access, namespace, ...(uiUrl === undefined ? {} : { uiUrl }) };
  }
  const url = addressOf(options, 'url');
  if (url === undefined) throw new OptionsRefused('url: has to be the address of argo-server');
  const namespace = namespaceOf(options);
  if (namespace === undefined) throw new OptionsRefused('namespace: is needed');
  return { ...rest, access: throughServer(options, url, namespace), namespace, uiUrl: uiUrl ?? url };
}

function throughServer(options: Record<string, unknown>, url: string, namespace: string): ArgoAccess {
  const [token, tokenFile, ca] = [textOf(options, 'token'), textOf(options, 'tokenFile'), textOf(options, 'ca')];
  if (token !== undefined && tokenFile !== undefined) throw new OptionsRefused('tokenFile: not together with token');
  const insecure = options['insecure'] ?? false;
  if (typeof insecure !== 'boolean') throw new OptionsRefused('insecure: has to be true or false');
  const tls = { insecure, ...(ca === undefined ? {} : { ca }) };
  return new ServerAccess({ url, tls, bearer: bearerFrom({ token, tokenFile }) }, namespace);
}

function throughKubernetes(options: Record<string, unknown>): { access: ArgoAccess; namespace: string } {
  const file = textOf(options, 'kubeconfig');
  const place = file === undefined ? readServiceAccount() : readKubeconfig(file, textOf(options, 'context'));
  const namespace = namespaceOf(options) ?? place.namespace ?? 'default';
  return { access: new KubernetesAccess(place.endpoint, namespace), namespace };
}

function namespaceOf(options: Record<string, unknown>): string | undefined {
  const namespace = textOf(options, 'namespace');
  if (namespace === undefined || /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return namespace;
  throw new OptionsRefused('namespace: has to be the name of a namespace of Kubernetes');
}

function addressOf(options: Record<string, unknown>, key: string): string | undefined {
  const address = textOf(options, key);
  if (address === undefined) return undefined;
  if (!/^https?:\/\//.test(address) || !URL.canParse(address))
    throw new OptionsRefused(`${key}: has to be an http(s) address`);
  return address.replace(/\/+$/, '');
}

function textOf(options: Record<string, unknown>, key: string): string | undefined {
  const value = options[key];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new OptionsRefused(`${key}: has to be a text`);
}
