import type { Database } from '../../src/platform/database.js';
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
