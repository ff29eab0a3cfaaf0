import type { ParamSchema } from '../../definition/definition-types.js';
import { sqlTime } from '../lists/sql-time.js';

export type RegistrationState = 'PENDING' | 'READY' | 'FAILED' | 'RETIRED';

export interface WorkflowRow {
  id: number;
  title: string;
  version: number;
  engine: string;
  registrationState: RegistrationState;
  archived: boolean;
  /** What values of a run are checked against, by their names in `parameters`. */
  parameterSchemas: Record<string, ParamSchema>;
  /** With microseconds, for cursors. */
  createdAt: string;
  /** The response as JSON text. */
  json: string;
}

const STORED_LABELS = `(
      SELECT coalesce(json_agg(json_build_object('key', k.key, 'value', k.value) ORDER BY k.key, k.value), '[]')
      FROM workflow_labels l JOIN labels k ON k.id = l.label_id WHERE l.workflow_id = w.id)`;

/**
 * The response of the row `w` as SQL text. Lists leave the definition out: a thousand of them may be a thousand megabytes.
 */
export function workflowJson(options: { definition: boolean; labels?: string }): string {
  return `(left(json_strip_nulls(json_build_object(
    'id', w.id,
    'title', w.title,
    'display_name', w.display_name,
    'version', w.version,
    'workflow_engine', w.workflow_engine,
    'definition_format', w.definition_format,
    ${options.definition ? `'definition', w.definition,` : ''}
    'definition_digest', w.definition_digest,
    'labels', ${options.labels ?? STORED_LABELS},
    'registration', json_build_object('state', w.registration_state, 'diagnostics', w.diagnostics,
      'updated_at', ${sqlTime('w.registered_at')}),
    'created_at', ${sqlTime('w.created_at')},
    'archived_at', ${sqlTime('w.archived_at')}
  ))::text, -1)
  -- Outside: defaults of parameters may be null, and stay.
  || ',"workflow_parameters":' || w.workflow_parameters::text || '}')`;
}
