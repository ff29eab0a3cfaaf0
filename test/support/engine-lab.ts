/** The engine lab as its users have it: `npm run engines -- VERB ENGINE`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type LabVerb = 'up' | 'kill' | 'save' | 'restore';

/** Longest of the verbs: an engine that is taken down and comes up again. */
const LIMIT_MS = 300_000;

export interface LabOptions {
  /** Only these are killed. */
  services?: readonly string[];
  /** Settings of the engine's own for what is started now. */
  env?: Record<string, string>;
}

/** Rejects with what the command said. */
export async function engineLab(
  verb: LabVerb,
  engine: string,
  { services = [], env = {} }: LabOptions = {},
): Promise<void> {
  const args = ['scripts/engines.js', verb, engine, ...services.flatMap((service) => ['--service', service])];
  await promisify(execFile)(process.execPath, args, { timeout: LIMIT_MS, env: { ...process.env, ...env } });
}
