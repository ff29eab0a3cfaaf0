import { isDeepStrictEqual } from 'node:util';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Db } from '../platform/database.js';
import { shortText } from '../platform/short-text.js';
import { doubtOf, vanishedTogether, wordsOf, type Health } from './engine-health.js';
import { readMemorySigns, storeHealth } from './engine-health-store.js';
import type { Engine } from './engines.js';

/** A health check must answer faster than a call that does work. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Asks the engine for its version and reads our sentinel in it; stores what it saw. A failed read of the sentinel is not a
 * missing one; a missing or exchanged one makes the engine SUSPECT: its memory may be gone, so absences prove nothing. The
 * same holds when many runs vanished at once, whatever the sentinel says: then the epoch counts as not read.
 * `recordedLater`: the caller writes the time of the check with a word of its own, so one that saw nothing new and lets it
 * go on writes nothing here.
 */
export async function checkHealth(db: Db, engine: Engine, options: { recordedLater?: boolean } = {}): Promise<Health> {
  const began = process.hrtime.bigint();
  const health = await probe(engine);
  health.latencyMs = Math.round(Number(process.hrtime.bigint() - began) / 1e4) / 100;
  const answered = health.state === 'UP' || health.state === 'SUSPECT';
  const signs = answered ? await readMemorySigns(db, engine.name, health.epoch ?? null) : undefined;
  if (signs && health.state === 'UP') {
    const doubt = doubtOf(signs);
    if (doubt !== undefined) Object.assign(health, { state: 'SUSPECT', detail: doubt });
    if (vanishedTogether(signs)) delete health.epoch;
  }
  if (health.epoch === undefined) delete engine.epoch;
  else engine.epoch = engine.lastEpoch = health.epoch;
  const recorded = signs?.recorded;
  const isNews = !recorded || !isDeepStrictEqual(recorded, wordsOf(health, recorded));
  if (isNews || !options.recordedLater) await storeHealth(db, engine.name, health);
  return health;
}

async function probe(engine: Engine): Promise<Health> {
  const options = { class: 'intent', timeoutMs: PROBE_TIMEOUT_MS, probe: true } as const;
  try {
    const ping = await engine.gateway.call('ping', options, (adapter, ctx) => adapter.ping(ctx));
    const sentinel = await engine.gateway.call('sentinel', options, (adapter, ctx) => adapter.sentinel(ctx));
    const known = {
      latencyMs: 0,
      version: shortText(ping.version),
      ...(ping.detail === undefined ? {} : { detail: shortText(ping.detail) }),
    };
    if (sentinel.state === 'present') return { ...known, state: 'UP', epoch: sentinel.epoch };
    return { ...known, state: 'SUSPECT', detail: 'the object that Signalbox keeps in the engine is gone' };
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'unknown';
    return {
      state: code === 'unauthorized' ? 'UNAUTHORIZED' : 'DOWN',
      latencyMs: 0,
      detail: error instanceof Error ? error.message : String(error),
    };
  }
}
