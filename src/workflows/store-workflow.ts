import { createHash } from 'node:crypto';
import type { DefinitionFormat } from '../../adapters/spi/engine-adapter.js';
import type { TaskGraph } from '../../adapters/spi/facts.js';
import type { Diagnostic, ParamSchema } from '../../definition/definition-types.js';
import type { Label } from '../labels/label.js';
import { attachedLabels } from '../labels/labels-store.js';
import type { Db } from '../platform/database.js';
import { storeTaskGraph } from './task-graph-store.js';
import { workflowJson } from './workflow-row.js';

export interface NewWorkflow {
  project: string;
  title: string;
  displayName?: string | undefined;
  engine: string;
  format: DefinitionFormat;
  definition: string;
  workflowParameters: readonly object[];
  parameterSchemas: Record<string, ParamSchema>;
  labels: Label[];
  diagnostics: Diagnostic[];
  /** Present when the engine has taken the workflow in by describing it: then it is READY at once. */
  graph?: TaskGraph | undefined;
}

export interface StoredWorkflow {
  id: number;
  version: number;
  /** The response as JSON text. */
  json: string;
}

/**
 * Stores the next version of a title, inside the caller's transaction. Without a graph it is PENDING, and due to be
 * registered. Writers of one title wait for each other at its counter, so versions have no gaps.
 */
export async function storeWorkflow(db: Db, workflow: NewWorkflow): Promise<StoredWorkflow> {
  const { rows } = await db.query<StoredWorkflow>({
    name: 'workflows.create',
    text: STORE_WORKFLOW,
    values: [
      workflow.project,
      workflow.title,
      workflow.displayName ?? null,
      workflow.engine,
      workflow.format,
      workflow.definition,
      definitionDigest(workflow.format, workflow.definition),
      JSON.stringify(workflow.workflowParameters),
      JSON.stringify(workflow.parameterSchemas),
      workflow.graph === undefined ? 'PENDING' : 'READY',
      JSON.stringify(workflow.diagnostics),
      JSON.stringify(workflow.labels),
    ],
  });
  const stored = rows[0];
  if (stored === undefined) throw new Error('the insert of a workflow returned no row');
  if (workflow.graph !== undefined) await storeTaskGraph(db, stored.id, workflow.graph);
  return stored;
}

/** sha256 over format and text, hexadecimal. */
export function definitionDigest(format: DefinitionFormat, text: string): string {
  return createHash('sha256').update(`${format}\n${text}`).digest('hex');
}

const NEW_LABELS = `(
  SELECT coalesce(json_agg(json_build_object('key', n.key, 'value', n.value) ORDER BY n.key, n.value), '[]') FROM given n)`;

const STORE_WORKFLOW = `
WITH counter AS (
  INSERT INTO workflow_titles AS t (project, title, last_version) VALUES ($1, $2, 1)
  ON CONFLICT (project, title) DO UPDATE SET last_version = t.last_version + 1
  RETURNING last_version
), given AS (
  SELECT DISTINCT l.key, l.value FROM jsonb_to_recordset($12::jsonb) AS l(key text, value text)
), ${attachedLabels('$1')}, workflow AS (
  INSERT INTO workflows (project, title, version, display_name, workflow_engine, definition_format, definition,
    definition_digest, workflow_parameters, parameter_schemas, registration_state, diagnostics, next_action_at)
  SELECT $1, $2, c.last_version, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10, $11::jsonb,
    CASE WHEN $10 = 'PENDING' THEN now() END
  FROM counter c
  RETURNING *
), linked AS (
  INSERT INTO workflow_labels (label_id, workflow_id) SELECT a.id, w.id FROM attached a, workflow w
)
SELECT w.id, w.version, ${workflowJson({ definition: true, labels: NEW_LABELS })} AS json FROM workflow w`;
