import type { Database } from '../../src/platform/database.js';
import { createRun, type NewRun } from '../../src/workflow-runs/create-run.js';
import { storeWorkflow } from '../../src/workflows/store-workflow.js';

/** A version without parameters and tasks on an engine `e` that nobody configured; returns its id. */
export async function storePlainWorkflow(database: Database, project: string): Promise<number> {
  const { id } = await database.transaction((db) =>
    storeWorkflow(db, {
      project,
      title: 'w',
      engine: 'e',
      format: 'native',
      definition: '-',
      workflowParameters: [],
      parameterSchemas: {},
      labels: [],
      diagnostics: [],
      graph: { tasks: [] },
    }),
  );
  return id;
}

/** A run of such a version that nobody has looked at; returns its id. */
export async function storePlainRun(
  database: Database,
  run: Pick<NewRun, 'project' | 'workflowId'> & Partial<NewRun>,
): Promise<number> {
  const row = await createRun(database, { parameters: {}, labels: [], staleAfterMs: 45_000, ...run });
  if (!row) throw new Error('no run was stored');
  return row.id;
}
