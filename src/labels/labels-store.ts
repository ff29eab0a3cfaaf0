import { Problem } from '../platform/problem.js';
import type { Db } from '../platform/database.js';
import { MAX_LABELS, type Label } from './label.js';
import type { LabelLinks } from './label-selector-sql.js';

/**
 * CTEs that make sure of labels: `given` comes from the caller as `given(key, value)`, `attached(id)` are the ids to link.
 * A label that is there is only read, so that a thousand runs with one label never wait for each other; a missing one is
 * inserted in one order, and a concurrent insert of the same is met by the update that returns its id.
 */
export function attachedLabels(project: string): string {
  return `known AS (
    SELECT k.id, k.key, k.value FROM labels k JOIN given USING (key, value) WHERE k.project = ${project}
  ), made AS (
    INSERT INTO labels (project, key, value)
    SELECT ${project}, key, value FROM given
    WHERE NOT EXISTS (SELECT FROM known WHERE known.key = given.key AND known.value = given.value)
    ORDER BY key, value
    ON CONFLICT (project, key, value) DO UPDATE SET key = excluded.key
    RETURNING id
  ), attached AS (SELECT id FROM known UNION ALL SELECT id FROM made)`;
}

/**
 * Adds and removes labels of one object whose row the caller holds locked. Adding a present one and removing an absent one
 * change nothing. Returns whether anything changed; throws `validation-failed` above the limit.
 */
export async function changeLabels(
  db: Db,
  links: LabelLinks,
  target: { project: string; id: number },
  change: { add: Label[]; remove: Label[] },
): Promise<boolean> {
  const { table, object } = links;
  const { rows } = await db.query<{ changed: number; present: number }>({
    name: `labels.change.${table}`,
    text: `
      WITH given AS (
        SELECT DISTINCT key, value FROM jsonb_to_recordset($3::jsonb) AS l(key text, value text)
      ), unwanted AS (
        SELECT k.id FROM labels k JOIN jsonb_to_recordset($4::jsonb) AS l(key text, value text) USING (key, value)
        WHERE k.project = $1
      ), ${attachedLabels('$1')}, added AS (
        INSERT INTO ${table} (label_id, ${object}) SELECT id, $2 FROM attached ON CONFLICT DO NOTHING RETURNING 1
      ), removed AS (
        DELETE FROM ${table} WHERE ${object} = $2 AND label_id IN (SELECT id FROM unwanted) RETURNING 1
      )
      SELECT (SELECT count(*) FROM added) + (SELECT count(*) FROM removed) AS changed,
        (SELECT count(*) FROM ${table} WHERE ${object} = $2)
          + (SELECT count(*) FROM added) - (SELECT count(*) FROM removed) AS present`,
    values: [target.project, target.id, JSON.stringify(change.add), JSON.stringify(change.remove)],
  });
  const { changed, present } = rows[0] ?? { changed: 0, present: 0 };
  if (present > MAX_LABELS) {
    const message = `An object has at most ${MAX_LABELS} labels; this one would have ${present}.`;
    throw new Problem('validation-failed', {
      detail: message,
      errors: [{ pointer: '/add', code: 'too-many-labels', message }],
    });
  }
  return changed > 0;
}

export interface VocabularyRow {
  key: string;
  value: string;
  json: string;
}

/** Uses of one label are counted up to here: above it the number is this one. */
export const MAX_COUNT = 10_000;

/** Labels in use whose key begins with `prefix`, in order of key and value, after `position`. */
export async function listVocabulary(
  db: Db,
  project: string,
  prefix: string,
  position: readonly (string | number)[] | undefined,
  limit: number,
): Promise<VocabularyRow[]> {
  const { rows } = await db.query<VocabularyRow>({
    name: 'labels.vocabulary',
    text: `
      SELECT k.key, k.value, json_build_object('key', k.key, 'value', k.value,
        'workflows', (SELECT count(*) FROM (SELECT FROM workflow_labels l WHERE l.label_id = k.id LIMIT $5) u),
        'workflow_runs', (SELECT count(*) FROM (SELECT FROM workflow_run_labels l WHERE l.label_id = k.id LIMIT $5) u)
      )::text AS json
      FROM labels k
      WHERE k.project = $1 AND starts_with(k.key, $2)
        AND ($3::text IS NULL OR (k.key COLLATE "C", k.value COLLATE "C") > ($3, $4))
        AND (EXISTS (SELECT FROM workflow_labels l WHERE l.label_id = k.id)
          OR EXISTS (SELECT FROM workflow_run_labels l WHERE l.label_id = k.id))
      ORDER BY k.key COLLATE "C", k.value COLLATE "C" LIMIT $6`,
    values: [project, prefix, position?.[0] ?? null, position?.[1] ?? null, MAX_COUNT, limit + 1],
  });
  return rows;
}
