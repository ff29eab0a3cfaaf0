/** Where the Kubernetes API is and who we are there: from a kubeconfig file, or from the pod we run in. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Json } from '../../definition/definition-types.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { Endpoint } from './argo-http.js';
import { bearerFrom } from './bearer.js';
import { objectIn, objectsIn, textIn } from './read-fields.js';
import { OptionsRefused } from '../spi/engine-kind.js';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface KubernetesPlace {
  endpoint: Endpoint;
  /** Of the context, or of the pod. */
  namespace?: string;
}

/** Of the current context unless `contextName` names another. Throws `OptionsRefused`. */
export function readKubeconfig(file: string, contextName?: string): KubernetesPlace {
  const config = readYaml(file);
  const root = typeof config === 'object' && config !== null && !Array.isArray(config) ? config : {};
  const entry = (list: string, kind: string, name: string | undefined): JsonObject => {
    const found = objectsIn(root, list).find((one) => one['name'] === name);
    if (!found) throw new OptionsRefused(`kubeconfig: ${file} has no ${kind} "${name ?? ''}"`);
    return objectIn(found, kind);
  };
  const context = entry('contexts', 'context', contextName ?? textIn(root, 'current-context'));
  const cluster = entry('clusters', 'cluster', textIn(context, 'cluster'));
  const user = entry('users', 'user', textIn(context, 'user'));
  for (const way of ['exec', 'auth-provider']) {
    if (Object.hasOwn(user, way)) {
      throw new OptionsRefused(
        `kubeconfig: ${file} logs in by "${way}", which starts programs: give a token or a certificate`,
      );
    }
  }
  const url = textIn(cluster, 'server');
  if (url === undefined || !URL.canParse(url)) throw new OptionsRefused(`kubeconfig: ${file} names no server`);

  const pem = (place: JsonObject, name: string): string | undefined => {
    const data = textIn(place, `${name}-data`);
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    const path = textIn(place, name);
    return path === undefined ? undefined : readText(resolve(dirname(file), path));
  };
  const [ca, cert, key] = [
    pem(cluster, 'certificate-authority'),
    pem(user, 'client-certificate'),
    pem(user, 'client-key'),
  ];
  const tokenFile = textIn(user, 'tokenFile');
  const namespace = textIn(context, 'namespace');
  return {
    endpoint: {
      url: url.replace(/\/+$/, ''),
      tls: {
        insecure: cluster['insecure-skip-tls-verify'] === true,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
      },
      bearer: bearerFrom({
        token: textIn(user, 'token'),
        tokenFile: tokenFile === undefined ? undefined : resolve(dirname(file), tokenFile),
      }),
    },
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new OptionsRefused(
      `kubeconfig: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    );
  }
}

function readYaml(file: string): Json {
  const text = readText(file);
  try {
    return parse(text, { maxAliasCount: 20 }) as Json;
  } catch (error) {
    throw new OptionsRefused(`kubeconfig: ${file} is not YAML: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
}

/** The account of the pod this process runs in. Throws `OptionsRefused` outside of a cluster. */
export function readServiceAccount(): KubernetesPlace {
  const read = (name: string): string => {
    try {
      return readFileSync(`${SERVICE_ACCOUNT}/${name}`, 'utf8').trim();
    } catch {
      throw new OptionsRefused(
        'kubeconfig: has to name a file, since this process runs in no pod with a service account',
      );
    }
  };
  return {
    endpoint: {
      url: 'https://kubernetes.default.svc',
      tls: { insecure: false, ca: read('ca.crt') },
      bearer: bearerFrom({ tokenFile: `${SERVICE_ACCOUNT}/token` }),
    },
    namespace: read('namespace'),
  };
}
