import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Db, EngineLog } from '../spi/engine-kind.js';

const BATCH = 50;

/** Removes what forgotten runs left on this node's disk. Throws what the database throws; a folder that resists is tried later. */
export async function removeLeftFolders(db: Db, nodeId: string, nodeFolder: string, log: EngineLog): Promise<void> {
  for (;;) {
    const { rows } = await db.query<{ key: string }>({
      name: 'local-left-folders',
      text: `SELECT key FROM signalbox_local.left_folders
              WHERE node_id = $1 AND (tried_at IS NULL OR tried_at < now() - interval '1 hour')
              ORDER BY tried_at NULLS FIRST LIMIT ${BATCH}`,
      values: [nodeId],
    });
    const [gone, left]: [string[], string[]] = [[], []];
    for (const { key } of rows) ((await removed(join(nodeFolder, 'runs', key), log)) ? gone : left).push(key);
    if (rows.length > 0) {
      await db.query({
        text: `WITH gone AS (DELETE FROM signalbox_local.left_folders WHERE node_id = $1 AND key = ANY ($2))
               UPDATE signalbox_local.left_folders SET tried_at = now() WHERE node_id = $1 AND key = ANY ($3)`,
        values: [nodeId, gone, left],
      });
    }
    if (rows.length < BATCH) return;
  }
}

async function removed(folder: string, log: EngineLog): Promise<boolean> {
  try {
    await rm(folder, { recursive: true, force: true });
    return true;
  } catch (error) {
    log.warn({ folder, error: String(error) }, 'the files of a forgotten run cannot be removed');
    return false;
  }
}
