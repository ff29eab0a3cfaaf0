/** A recorded call once more, with the answers as they were or changed. */
import { callContext } from '../../../adapters/conformance/world.js';
import { ENGINE_URL } from './clean-recording.js';
import { connectDialect } from './dialects.js';
import type { Dialect, Recording } from './recording.js';
import type { Played, ReplayServer } from './replay-server.js';
import { outcomeOf } from './verb-call.js';
import type { VerbOutcome } from './verb-call.js';

/** All is on loopback and nothing waits: who takes longer waits for something that never comes. */
const CALL_MS = 10_000;

export interface Replay {
  server: ReplayServer;
  dialect: Dialect;
  /** Where definitions of Airflow may be written. */
  folder: string;
}

/** Throws what is no `EngineError`, as the adapter threw it. */
export async function replay(
  { server, dialect, folder }: Replay,
  { call }: Recording,
  exchanges: readonly Played[],
): Promise<VerbOutcome> {
  const url = server.play(exchanges);
  const adapter = connectDialect(dialect, url, folder);
  try {
    const outcome = await outcomeOf(adapter, call, callContext(CALL_MS));
    return JSON.parse(JSON.stringify(outcome).replaceAll(url, ENGINE_URL)) as VerbOutcome;
  } finally {
    await adapter.close();
    server.ended(url);
  }
}
