import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../spi/engine-kind.js';
import { DataDirectoryInUse } from './data-directory-lock.js';
import type { ProcessIdentity } from './process-identity.js';
import { isSameProcess, lifeOf } from './process-identity.js';

export const LEASE_SECONDS = 15;
export const RENEW_MS = 5_000;
const POLL_MS = 500;

/** Who a process is as the owner of a node; the token is drawn anew by each. */
export interface NodeOwner {
  nodeId: string;
  engine: string;
  token: string;
  identity: ProcessIdentity;
}

/**
 * Takes the node's lease, which is what tells owners on different machines apart. An owner that is dead for certain is
 * followed at once, one that cannot be seen from here when its lease has run out. Throws `DataDirectoryInUse` when it is
 * still being renewed. The caller holds the directory's lock.
 */
export async function takeLease(
  db: Db,
  owner: NodeOwner,
  folder: string,
  patienceMs = (LEASE_SECONDS + 3) * 1000,
): Promise<void> {
  await db.query({
    text: `INSERT INTO signalbox_local.nodes (node_id, engine) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    values: [owner.nodeId, owner.engine],
  });
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const seen = await readLease(db, owner.nodeId);
    if (!isHeld(seen, owner.identity) && (await replaceOwner(db, owner, seen.owner_token))) return;
    if (performance.now() > deadline) throw new DataDirectoryInUse(folder, 'a process that renews its lease elsewhere');
    await delay(POLL_MS);
  }
}

/** False = another process has taken the node: stop at once. */
export async function renewLease(db: Db, owner: NodeOwner): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'local-renew-lease',
    text: `UPDATE signalbox_local.nodes SET lease_until = now() + make_interval(secs => $3)
            WHERE node_id = $1 AND owner_token = $2`,
    values: [owner.nodeId, owner.token, LEASE_SECONDS],
  });
  return rowCount === 1;
}

export async function releaseLease(db: Db, owner: NodeOwner): Promise<void> {
  await db.query({
    text: `UPDATE signalbox_local.nodes SET owner_token = NULL, owner_identity = NULL, lease_until = '-infinity'
            WHERE node_id = $1 AND owner_token = $2`,
    values: [owner.nodeId, owner.token],
  });
}

interface LeaseRow {
  owner_token: string | null;
  owner_identity: string | null;
  running: boolean;
}

async function readLease(db: Db, nodeId: string): Promise<LeaseRow> {
  const { rows } = await db.query<LeaseRow>({
    text: `SELECT owner_token, owner_identity, lease_until > now() AS running FROM signalbox_local.nodes WHERE node_id = $1`,
    values: [nodeId],
  });
  return rows[0] ?? { owner_token: null, owner_identity: null, running: false };
}

function isHeld({ running, owner_identity }: LeaseRow, self: ProcessIdentity): boolean {
  if (!running || owner_identity === null) return false;
  const holder = JSON.parse(owner_identity) as ProcessIdentity;
  // An earlier engine of this very process: it gave the directory's lock back, or we would not hold it.
  if (isSameProcess(holder, self)) return false;
  return lifeOf(holder) !== 'dead';
}

async function replaceOwner(db: Db, owner: NodeOwner, before: string | null): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE signalbox_local.nodes
              SET owner_token = $2, owner_identity = $3, lease_until = now() + make_interval(secs => $4)
            WHERE node_id = $1 AND owner_token IS NOT DISTINCT FROM $5`,
    values: [owner.nodeId, owner.token, JSON.stringify(owner.identity), LEASE_SECONDS, before],
  });
  return rowCount === 1;
}
