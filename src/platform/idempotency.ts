/**
 * Writes that may be repeated: the claim of an Idempotency-Key is stored in the transaction of the write itself, so that the
 * answer is remembered exactly when the write happened.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Answer } from './answer.js';
import type { Database, Db } from './database.js';
import { CommitOutcomeUnknown, type Transaction } from './transaction.js';
import { isContention, isDatabaseUnavailable } from './database-errors.js';
import { fingerprint, lockKey } from './idempotency-fingerprint.js';
import type { WriteRequest } from './http/write-request.js';
import { Problem } from './problem.js';

/** What the write itself says. Statuses are 2xx: anything else is thrown, and then nothing is remembered. */
export interface Written {
  status: number;
  location?: string;
  /** Absent = no body. */
  body?: unknown;
  /** Instead of a body: its text, where the database has written it already. */
  json?: string;
}

/** How long the outcome of a COMMIT whose answer was lost is waited for. */
const OUTCOME_LIMIT_MS = 5_000;
const PAUSE_MS = 100;

/**
 * Runs `work` in a transaction, at most once per (project, key): a repeat gets the stored answer. Without a key from the
 * client one of our own is used, so that a lost answer of COMMIT can be looked up.
 * After the commit, and only when `!answer.replayed`, wake whoever has to act.
 * Throws `idempotency-in-progress`, `idempotency-key-reused`, `outcome-unknown`, and what `work` throws.
 */
export async function idempotent(
  database: Database,
  request: WriteRequest,
  work: (db: Db) => Promise<Written>,
  outcomeLimitMs: number = OUTCOME_LIMIT_MS,
): Promise<Answer> {
  // A blank is not a visible character: no client can name a key of ours.
  const key = request.key ?? `of-server ${randomUUID()}`;
  const claim: Claim = {
    project: request.project,
    key,
    lock: lockKey(request.project, key),
    fingerprint: fingerprint(request),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.transaction((db) => writeOnce(db, claim, work));
    } catch (error) {
      if (error instanceof CommitOutcomeUnknown) {
        const answer = await findOutcome(database, claim, error, outcomeLimitMs);
        if (answer) return answer;
        // It was not committed and cannot be any more: the same as an error before COMMIT.
      } else if (!isContention(error) && !isOvertaken(error)) {
        throw error;
      }
      if (attempt === 2) throw error instanceof CommitOutcomeUnknown ? unavailable(error) : error;
      await sleep(20 + Math.random() * 60);
    }
  }
}

/** Forgets answers older than `retentionMs`; returns how many. Those under keys of our own only serve for minutes. */
export async function forgetOldAnswers(db: Db, retentionMs: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM idempotency_keys
              WHERE created_at < now() - $1 * interval '1 millisecond'
                 OR (key LIKE 'of-server %' AND created_at < now() - interval '1 hour')
              LIMIT 5000))`,
    values: [retentionMs],
  });
  return rowCount;
}

interface Claim {
  project: string;
  key: string;
  lock: string;
  fingerprint: string;
}

interface StoredRow {
  fingerprint: string | null;
  status: number;
  location: string | null;
  body: string;
}

async function writeOnce(db: Transaction, claim: Claim, work: (db: Db) => Promise<Written>): Promise<Answer> {
  // For a key of our own as well: COMMIT goes with the last statement, and whoever looks for its outcome has to find the lock taken.
  const stored = await lockAndRead(db, claim);
  if (stored) return replay(stored, claim);
  const written = await work(db);
  const text = written.json ?? (written.body === undefined ? '' : JSON.stringify(written.body));
  await db.last({
    name: 'idempotency-store',
    text: `INSERT INTO idempotency_keys (project, key, fingerprint, status, location, body)
           VALUES ($1, $2, $3, $4, $5, $6)`,
    values: [claim.project, claim.key, claim.fingerprint, written.status, written.location ?? null, text],
  });
  return new Answer(written.status, written.location, text, false);
}

/** One statement: the lock without waiting, and what is stored. Throws when another request holds the lock. */
async function lockAndRead(db: Db, claim: Claim): Promise<StoredRow | undefined> {
  const { rows } = await db.query<StoredRow & { locked: boolean }>({
    name: 'idempotency-claim',
    text: `SELECT pg_try_advisory_xact_lock($3::bigint) AS locked, stored.fingerprint, stored.status, stored.location, stored.body
             FROM (SELECT 1) AS one
             LEFT JOIN idempotency_keys AS stored ON stored.project = $1 AND stored.key = $2`,
    values: [claim.project, claim.key, claim.lock],
  });
  const row = rows[0];
  if (!row || row.fingerprint !== null) return row;
  if (!row.locked) {
    throw new Problem('idempotency-in-progress', {
      detail: 'Another request with this Idempotency-Key is being answered.',
      retryAfterSeconds: 1,
    });
  }
  return undefined;
}

function replay(stored: StoredRow, claim: Claim, replayed = true): Answer {
  if (stored.fingerprint !== claim.fingerprint) {
    throw new Problem('idempotency-key-reused', {
      detail: 'This Idempotency-Key was used with another operation, path or body. Use a new key for a new request.',
    });
  }
  return new Answer(stored.status, stored.location ?? undefined, stored.body, replayed);
}

/**
 * The statement that took the lock had looked before the other request committed: its row is there now, and ours was
 * refused by the primary key. The second attempt reads it.
 */
function isOvertaken(error: unknown): boolean {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown };
  return code === '23505' && constraint === 'idempotency_keys_pkey';
}

/**
 * What became of a COMMIT whose answer was lost. The old backend holds the key's lock until its transaction has ended, so
 * whoever has the lock sees the truth. Undefined = it did not commit. Throws `outcome-unknown` at the limit.
 */
async function findOutcome(
  database: Database,
  claim: Claim,
  lost: unknown,
  limitMs: number,
): Promise<Answer | undefined> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const left = deadline - Date.now();
    if (left <= 0) throw outcomeUnknown(lost);
    try {
      const row = await database.transaction((db) => waitAndRead(db, claim, left));
      return row && replay(row, claim, false);
    } catch (error) {
      if (!isContention(error) && !isDatabaseUnavailable(error) && !(error instanceof CommitOutcomeUnknown))
        throw error;
      await sleep(Math.min(PAUSE_MS, Math.max(left, 0)));
    }
  }
}

async function waitAndRead(db: Db, claim: Claim, limitMs: number): Promise<StoredRow | undefined> {
  await db.query({ text: `SELECT set_config('lock_timeout', $1, true)`, values: [`${Math.ceil(limitMs)}ms`] });
  await db.query({ text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [claim.lock] });
  // A statement of its own: its snapshot is taken after the lock.
  const { rows } = await db.query<StoredRow>({
    text: 'SELECT fingerprint, status, location, body FROM idempotency_keys WHERE project = $1 AND key = $2',
    values: [claim.project, claim.key],
  });
  return rows[0];
}

function outcomeUnknown(cause: unknown): Problem {
  return new Problem('outcome-unknown', {
    detail: 'The database did not say whether the change was committed. Repeat with the same Idempotency-Key.',
    retryAfterSeconds: 2,
    cause,
  });
}

function unavailable(cause: unknown): Problem {
  return new Problem('database-unavailable', {
    detail: 'The change was not made: the connection to the database was lost. Repeat it.',
    retryAfterSeconds: 1,
    cause,
  });
}
