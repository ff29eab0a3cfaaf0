import type { Db } from '../platform/database.js';
import { Problem } from '../platform/problem.js';
import { readTasks, type TaskRow } from './task-graph-store.js';
import type { WorkflowRow } from './workflow-row.js';
import { readWorkflow } from './workflows-store.js';

/** One version; throws `workflow-not-found`. */
export async function findWorkflow(db: Db, project: string, title: string, version: number): Promise<WorkflowRow> {
  const row = await readWorkflow(db, project, title, version);
  if (row) return row;
  throw new Problem('workflow-not-found', { detail: `There is no workflow ${title} in version ${version}.` });
}

/** All tasks of a version, never a part; throws as long as the engine has not described them. */
export async function findTasks(db: Db, project: string, title: string, version: number): Promise<TaskRow[]> {
  const workflow = await findWorkflow(db, project, title, version);
  if (workflow.registrationState === 'PENDING') {
    throw new Problem('registration-pending', {
      detail: 'The engine has not described this workflow yet.',
      retryAfterSeconds: 2,
    });
  }
  if (workflow.registrationState === 'FAILED') {
    throw new Problem('workflow-not-ready', { detail: 'The engine did not take this workflow in.' });
  }
  return readTasks(db, workflow.id);
}
