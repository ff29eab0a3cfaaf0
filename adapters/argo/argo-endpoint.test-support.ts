/** The Argo of the engine lab, as tests and figures find it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** The file that the engine lab writes: `npm run engines -- up argo`. */
export interface ArgoEndpoint {
  url: string;
  namespace: string;
  tokenFile: string;
  kubeconfig: string;
  adminKubeconfig: string;
  /** A program that is also kubectl. */
  kubectl: string;
}

export const NOT_UP = 'no Argo is up: ARGO_ENDPOINT is not set (npm run engines -- up argo tells to what)';

/** Nothing when no real Argo is named to the tests. */
export function argoEndpoint(): ArgoEndpoint | undefined {
  const file = process.env['ARGO_ENDPOINT'];
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as ArgoEndpoint);
}

export type Access = 'server' | 'kubernetes';

export function optionsOf(endpoint: ArgoEndpoint, access: Access): Record<string, unknown> {
  const { url, namespace, tokenFile, kubeconfig } = endpoint;
  return access === 'server' ? { url, namespace, tokenFile } : { access, kubeconfig, uiUrl: url };
}

/** As administrator of the lab's cluster. */
export async function kubectl({ kubectl: program, adminKubeconfig }: ArgoEndpoint, ...args: string[]): Promise<string> {
  const options = { timeout: 180_000, maxBuffer: 64 * 1_048_576 };
  const { stdout } = await promisify(execFile)(program, ['kubectl', '--kubeconfig', adminKubeconfig, ...args], options);
  return stdout.trim();
}
