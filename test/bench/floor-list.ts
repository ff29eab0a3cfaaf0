/** The selection of a list as plain columns: Node builds the JSON of it. */
export const ROWS = {
  name: 'floor.list',
  values: ['default'],
  text: `
    WITH page AS (
      SELECT r.id FROM workflow_runs r WHERE r.project = $1 AND r.state >= 'COMPLETED' AND r.state <= 'COMPLETED'
      ORDER BY r.state, r.id DESC LIMIT 51
    )
    SELECT r.id, json_build_object('id', w.id, 'title', w.title, 'version', w.version) AS workflow, r.workflow_engine,
      r.state, r.state_reason, r.failure,
      (SELECT json_agg(json_build_object('key', k.key, 'value', k.value) ORDER BY k.key, k.value)
       FROM workflow_run_labels l JOIN labels k ON k.id = l.label_id WHERE l.workflow_run_id = r.id) AS labels,
      x.external_id, r.engine_url, r.origin, r.generation, r.created_at, r.updated_at, r.submitted_at, r.started_at,
      r.finished_at, r.observed_at, r.parameters, r.outputs, x.outcome, g.health_state
    FROM page JOIN workflow_runs r ON r.id = page.id
    JOIN workflow_executions x ON x.workflow_run_id = r.id AND x.generation = r.generation
    JOIN workflows w ON w.id = r.workflow_id LEFT JOIN engines g ON g.name = r.workflow_engine
    ORDER BY r.id DESC`,
};
