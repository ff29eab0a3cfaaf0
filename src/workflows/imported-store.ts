/** What the record knows of an engine's own workflows. */
import type { Db } from '../platform/database.js';
import type { ImportedWorkflow, Known } from './to-offer.js';

/**
 * Versions that refer to these texts, the newest of each, and what the titles are taken by. A version that the engine did not
 * take in, or that was archived, counts for nothing: it can be imported again.
 */
export async function readKnown(
  db: Db,
  place: { project: string; engine: string },
  wanted: { references: string[]; titles: string[] },
): Promise<Known> {
  const { rows: referring } = await db.query<ImportedWorkflow & { reference: string }>({
    name: 'workflows.referring',
    text: `SELECT w.id, w.title, w.version, btrim(w.definition, E' \\t\\r\\n') AS reference FROM workflows w
           WHERE w.project = $1 AND w.workflow_engine = $2 AND w.definition_format = 'reference'
             AND w.archived_at IS NULL AND w.registration_state <> 'FAILED'
             AND btrim(w.definition, E' \\t\\r\\n') = ANY($3)
           ORDER BY w.id`,
    values: [place.project, place.engine, wanted.references],
  });
  const { rows: taken } = await db.query<{ title: string; other: string }>({
    name: 'workflows.titles-taken',
    text: `SELECT DISTINCT ON (w.title) w.title,
             CASE WHEN w.workflow_engine <> $2 THEN 'a workflow of the engine ' || w.workflow_engine
                  WHEN w.definition_format <> 'reference' THEN 'a workflow with a definition of its own'
                  ELSE 'a reference to ' || left(btrim(w.definition, E' \\t\\r\\n'), 300) END AS other
           FROM workflows w
           WHERE w.project = $1 AND w.title = ANY($3) AND w.archived_at IS NULL
             AND NOT (w.workflow_engine = $2 AND w.definition_format = 'reference'
               AND btrim(w.definition, E' \\t\\r\\n') = ANY($4))
           ORDER BY w.title, w.version DESC`,
    values: [place.project, place.engine, wanted.titles, wanted.references],
  });
  return {
    references: new Map(referring.map(({ reference, ...workflow }) => [reference, workflow])),
    titles: new Map(taken.map(({ title, other }) => [title, other])),
  };
}

/** Imports of one engine take turns until the transaction ends: what one registers, the next one sees. */
export async function lockImports(db: Db, place: { project: string; engine: string }): Promise<void> {
  await db.query({
    name: 'workflows.lock-imports',
    text: `SELECT pg_advisory_xact_lock(hashtextextended('signalbox import ' || $1 || ' ' || $2, 0))`,
    values: [place.project, place.engine],
  });
}
