import { path, type ApiClient } from './api-client.js';
import { hasEnded, type WorkflowRun } from './api-types.js';
import { CliError } from './cli-error.js';
import { tasksOf } from './run-follower.js';

/** Of a long list of names. */
const SHOWN = 20;

/**
 * For a task of which a run has no task run: throws `CliError` with the tasks there are, unless it is one of them or the
 * engine may still tell of it. Returns the run.
 */
export async function requireTask(api: ApiClient, id: number, task: string): Promise<WorkflowRun> {
  const run = await api.get<WorkflowRun>(path('workflow-runs', id), { query: { refresh: false } });
  const titles = (await tasksOf(api, run)).map(({ title }) => title);
  if (titles.includes(task)) return run;
  if (titles.length > 0) throw new CliError(`Run ${id} has no task ${task}: there are ${named(titles)}.`);
  if (hasEnded(run.state)) throw new CliError(`Run ${id} has no task ${task}.`);
  return run;
}

function named(titles: readonly string[]): string {
  const more = titles.length - SHOWN;
  return more > 0 ? `${titles.slice(0, SHOWN).join(', ')} and ${more} more` : titles.join(', ');
}
