/** What the tasks of the local engine wrote about themselves, and what the engine's own tables count. */
import { readFile } from 'node:fs/promises';
import type { Db } from '../../src/platform/database.js';
import type { Violation } from '../support/checker.js';
import { readJournal } from '../scenarios/diamond.js';

/** Executions of the local engine by key. */
export async function localExecutions(db: Db): Promise<Record<string, number>> {
  const { rows } = await db.query<{ key: string; made: number }>({
    text: 'SELECT key, count(*) AS made FROM signalbox_local.runs GROUP BY key',
  });
  return Object.fromEntries(rows.map(({ key, made }) => [key, made]));
}

/** No attempt began twice, and what the engine calls a success did begin. */
export async function checkTasks(db: Db, journal: string): Promise<{ begun: number; violations: Violation[] }> {
  const text = await readFile(journal, 'utf8').catch(() => '');
  const violations: Violation[] = [];
  const begun = new Set<string>();
  for (const { word, run, task, attempt } of readJournal(text)) {
    if (word !== 'begin') continue;
    const name = `${run} ${task} ${attempt}`;
    const what = `attempt ${attempt} of task ${task} was executed more than once`;
    if (begun.has(name)) violations.push({ invariant: 'I2', kind: 'doubled', run: Number(run), what });
    begun.add(name);
  }
  const { rows } = await db.query<{ run: string; task: string; attempt: number }>({
    text: `SELECT r.workflow_run_id AS run, a.task, a.attempt
           FROM signalbox_local.attempts a JOIN signalbox_local.runs r ON r.id = a.run_id WHERE a.state = 'COMPLETED'`,
  });
  for (const { run, task, attempt } of rows) {
    const what = `attempt ${attempt} of task ${task} is said to be completed and never began`;
    if (!begun.has(`${run} ${task} ${attempt}`))
      violations.push({ invariant: 'I2', kind: 'lost', run: Number(run), what });
  }
  return { begun: begun.size, violations };
}
