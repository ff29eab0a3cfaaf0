import type { LocalRun, LocalTaskRun } from './run-model.js';
import type { Step } from './step-store.js';

/** The run as its rows are once the step is written. */
export function applyStep(run: LocalRun, step: Step): LocalRun {
  const changed = new Map<string, Map<number, LocalTaskRun>>();
  for (const row of step.tasks) {
    const rows = changed.get(row.task) ?? new Map<number, LocalTaskRun>();
    changed.set(row.task, rows.set(row.mapIndex, row));
  }
  const tasks = run.tasks.map((row) => {
    const rows = changed.get(row.task);
    const next = rows?.get(row.mapIndex);
    rows?.delete(row.mapIndex);
    return next ?? row;
  });
  for (const rows of changed.values()) tasks.push(...rows.values());
  const { phase, roundStartedAt, startedAt } = step.run;
  return { ...run, phase, roundStartedAt, startedAt, tasks };
}
