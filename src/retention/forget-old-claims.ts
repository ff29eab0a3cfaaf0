import type { Db } from '../platform/database.js';

/** Runs that nobody read for an hour need no claim on their refresh. */
export async function forgetOldClaims(db: Db): Promise<void> {
  await db.query({
    name: 'forget-old-claims',
    text: `DELETE FROM refresh_claims WHERE claimed_at < now() - interval '1 hour'`,
  });
}
