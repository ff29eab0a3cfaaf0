import type { Answer } from './answer.js';
import type { Database, Db } from './database.js';
import type { WriteRequest } from './http/write-request.js';
import { idempotent, type Written } from './idempotency.js';

/**
 * As `idempotent`, for a write about which somebody else is asked or told first: `ask` is called while no connection is held, but
 * for an answer forgotten meanwhile, and never for a key that has its answer. So a repeat does not depend on an engine and tells it nothing again, and neither does
 * a request that the key is refused to. Throws what `idempotent` and `ask` throw.
 */
export async function askThenWrite<Said>(
  database: Database,
  request: WriteRequest,
  ask: () => Promise<Said>,
  work: (db: Db, said: Said) => Promise<Written>,
): Promise<Answer> {
  const asked = (await isAnswered(database, request)) ? undefined : { said: await ask() };
  // Without a word, although nothing is stored: the answer was forgotten between the two looks.
  return idempotent(database, request, async (db) => work(db, asked ? asked.said : await ask()));
}

/** Whether the request's key has an answer already; whether it is this request's is compared afterwards. */
async function isAnswered(database: Database, { project, key }: WriteRequest): Promise<boolean> {
  if (key === undefined) return false;
  const { rowCount } = await database.query({
    name: 'idempotency-answered',
    text: 'SELECT FROM idempotency_keys WHERE project = $1 AND key = $2',
    values: [project, key],
  });
  return rowCount > 0;
}
