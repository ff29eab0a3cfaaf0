import type { TaskGraph } from '../../adapters/spi/facts.js';
import type { Db } from '../platform/database.js';

/** Stores the whole graph of a workflow that has none, inside the caller's transaction. Edges to unknown titles are an error. */
export async function storeTaskGraph(db: Db, workflowId: number, graph: TaskGraph): Promise<void> {
  if (graph.tasks.length === 0) return;
  await db.query({
    name: 'tasks.store',
    text: `INSERT INTO tasks (workflow_id, title, display_name, type, position)
           SELECT $1, t.title, t.display_name, t.type, t.position
           FROM jsonb_to_recordset($2::jsonb) AS t(title text, display_name text, type text, position integer)
           ORDER BY t.position`,
    values: [
      workflowId,
      JSON.stringify(
        graph.tasks.map(({ title, displayName, type }, position) => ({
          title,
          display_name: displayName,
          type,
          position,
        })),
      ),
    ],
  });
  const edges = graph.tasks.flatMap((task) => [...new Set(task.downstream)].map((to) => ({ from: task.title, to })));
  if (edges.length === 0) return;
  const { rowCount } = await db.query({
    name: 'task-edges.store',
    text: `INSERT INTO task_edges (upstream_task_id, downstream_task_id)
           SELECT up.id, down.id FROM jsonb_to_recordset($2::jsonb) AS e("from" text, "to" text)
           JOIN tasks up ON up.workflow_id = $1 AND up.title = e."from"
           JOIN tasks down ON down.workflow_id = $1 AND down.title = e."to"`,
    values: [workflowId, JSON.stringify(edges)],
  });
  if (rowCount !== edges.length) throw new Error('the graph of the workflow has an edge to a task it does not have');
}

export interface TaskRow {
  id: number;
  title: string;
  displayName: string | null;
  type: string | null;
  downstream: string[];
  /** The response as JSON text. */
  json: string;
}

/** The tasks of a workflow in the order of its graph; of one title, if given. */
export async function readTasks(db: Db, workflowId: number, title?: string): Promise<TaskRow[]> {
  const { rows } = await db.query<TaskRow>({
    name: 'tasks.read',
    text: `
      SELECT t.id, t.title, t.display_name AS "displayName", t.type,
        ARRAY(SELECT d.title FROM task_edges e JOIN tasks d ON d.id = e.downstream_task_id
              WHERE e.upstream_task_id = t.id ORDER BY d.position) AS downstream,
        json_strip_nulls(json_build_object(
          'id', t.id, 'workflow_id', t.workflow_id, 'title', t.title, 'display_name', t.display_name, 'type', t.type,
          'downstream_task_ids', ARRAY(SELECT e.downstream_task_id FROM task_edges e
             WHERE e.upstream_task_id = t.id ORDER BY e.downstream_task_id),
          'upstream_task_ids', ARRAY(SELECT e.upstream_task_id FROM task_edges e
             WHERE e.downstream_task_id = t.id ORDER BY e.upstream_task_id)
        ))::text AS json
      FROM tasks t WHERE t.workflow_id = $1 AND ($2::text IS NULL OR t.title = $2) ORDER BY t.position`,
    values: [workflowId, title ?? null],
  });
  return rows;
}
