import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServiceEnvironment {
  env: Record<string, string>;
  /** Takes the folder away. */
  remove(): Promise<void>;
}

/** Times short enough for a test to see a lease end and a grace pass. */
export const QUICK_TIMES = {
  ENGINE_TIMEOUT: '800ms',
  LEASE: '1200ms',
  POLL_INTERVAL: '200ms',
  RECONCILE_INTERVAL: '1s',
  REFRESH_MAX_AGE: '100ms',
  SUBMIT_GRACE: '3s',
  CANCEL_GRACE: '2s',
  ENGINE_MISSING_GRACE: '2s',
};

/** The address of a scripted engine, or the embedded engine with its options. */
export type EngineSource = string | { kind: 'local'; options: object };

/**
 * What a service process of the fault tests starts with: a database, engines by name, a folder of its own. A role without the
 * API gets no port.
 */
export async function serviceEnvironment(
  databaseUrl: string,
  engines: Record<string, EngineSource>,
  more: Record<string, string> = {},
): Promise<ServiceEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-faults-'));
  const file = join(folder, 'engines.yaml');
  const entries = Object.entries(engines).map(([name, source]) => {
    const { kind, options } =
      typeof source === 'string' ? { kind: 'scripted', options: { url: source, registers: 'at-once' } } : source;
    return { name, kind, options, callsPerSecond: 5_000 };
  });
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ engines: entries }));
  return {
    env: {
      DATABASE_URL: databaseUrl,
      DATA_DIR: join(folder, 'data'),
      ENGINES_FILE: file,
      LOG_LEVEL: 'error',
      ...QUICK_TIMES,
      ...more,
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
