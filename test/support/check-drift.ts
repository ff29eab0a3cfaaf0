/**
 * I16: what contradicts the record was expected, or could not be helped. Only one thing cannot: an execution that was given up
 * by the rule (looked for in vain for the whole of SUBMIT_GRACE), whose call arrived after the last of those looks, and that
 * was cancelled when it was seen.
 */
import type { Db } from '../../src/platform/database.js';
import type { EngineWitness, Violation } from './checker.js';

export interface DriftOptions {
  /** Kinds of drift the faults are expected to leave. */
  expectedDrift?: string[];
  /** Faults that may put off a call for longer than SUBMIT_GRACE, which is so many milliseconds; default: there are none. */
  lateAfterMs?: number;
}

interface DriftRow {
  kind: string;
  run: number;
  detail: string;
}

interface GivenUp {
  run: number;
  key: string;
  /** From the first to the last look that did not find it. */
  lookedForMs: number;
  lastLookAt: number;
}

export async function checkDrift(
  db: Db,
  engine: EngineWitness | undefined,
  { expectedDrift = [], lateAfterMs }: DriftOptions,
): Promise<Violation[]> {
  const drift = (await readDrift(db)).filter(({ kind }) => !expectedDrift.includes(kind));
  const givenUp = drift.length === 0 ? [] : await readGivenUp(db);
  return drift.flatMap(({ kind, run, detail }) => {
    const say = (what: string): Violation[] => [
      { invariant: 'I16', kind: 'illegal', run, what: `drift ${kind}: ${detail}${what}` },
    ];
    if (kind !== 'late-execution' || engine === undefined || lateAfterMs === undefined) return say('');
    const byRule = givenUp.filter((one) => one.run === run && one.lookedForMs >= lateAfterMs);
    if (byRule.length === 0) return say('; it was not given up by the rule');
    const late = byRule.flatMap((one) => lateArrival(engine, one) ?? []);
    if (late.length === 0) return say('; it had arrived before the last look for it');
    const ended = drift.some((other) => other.run === run && other.detail.endsWith('it had ended already'));
    return ended || late.some((arrival) => isCancelled(engine, arrival)) ? [] : say('; nobody cancelled it');
  });
}

interface Arrival {
  key: string;
  seq: number;
}

/** The call of an execution that was given up, where it came after the last look. */
function lateArrival({ journal }: EngineWitness, { key, lastLookAt }: GivenUp): Arrival | undefined {
  const arrived = journal.filter((entry) => entry.key === key && /^(created$|cleared [1-9])/.test(entry.did)).at(-1);
  return arrived && arrived.at >= lastLookAt ? { key, seq: arrived.seq } : undefined;
}

function isCancelled({ journal }: EngineWitness, { key, seq }: Arrival): boolean {
  return journal.some((entry) => entry.key === key && entry.seq > seq && entry.did.startsWith('stop '));
}

async function readDrift(db: Db): Promise<DriftRow[]> {
  const { rows } = await db.query<DriftRow>({ text: 'SELECT kind, workflow_run_id AS run, detail FROM drift' });
  return rows;
}

async function readGivenUp(db: Db): Promise<GivenUp[]> {
  const { rows } = await db.query<GivenUp>({
    text: `SELECT workflow_run_id AS run, key, extract(epoch FROM absent_until)::float8 * 1000 AS "lastLookAt",
             extract(epoch FROM absent_until - absent_since)::float8 * 1000 AS "lookedForMs"
           FROM workflow_executions WHERE absent_until IS NOT NULL AND outcome = 'unknown'`,
  });
  return rows;
}
