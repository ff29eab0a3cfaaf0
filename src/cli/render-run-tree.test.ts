import { describe, expect, test } from '@jest/globals';
import type { Task, TaskRun, WorkflowRun } from './api-types.js';
import { paintWith } from './paint.js';
import { renderRunTree } from './render-run-tree.js';
import { overallState, type RunView } from './run-view.js';

const NOW = new Date('2026-01-01T00:00:10Z');
const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();

const RUN: WorkflowRun = {
  id: 12,
  workflow: { id: 1, title: 'etl', version: 3 },
  workflow_engine: 'local',
  state: 'RUNNING',
  labels: [],
  parameters: {},
  origin: 'api',
  generation: 1,
  allowed_actions: [],
  created_at: at(0),
  updated_at: at(1),
  started_at: at(1),
  stale: false,
};

let ids = 0;
function taskRun(title: string, state: string, more: Partial<TaskRun> = {}): TaskRun {
  return { id: ++ids, task_id: 1, task_title: title, workflow_run_id: 12, state, attempt: 1, ...more };
}

function tasks(...edges: [title: string, ...after: string[]][]): Task[] {
  const idOf = new Map(edges.map(([title], index) => [title, index + 1]));
  return edges.map(([title, ...after]) => ({
    id: idOf.get(title) ?? 0,
    workflow_id: 1,
    title,
    upstream_task_ids: after.map((name) => idOf.get(name) ?? 0),
    downstream_task_ids: [],
  }));
}

function draw(view: Partial<RunView> & { taskRuns?: TaskRun[] }, columns = 80, maxLines = 40): string[] {
  const run = { ...RUN, ...view.run, task_runs: view.taskRuns ?? [] };
  return renderRunTree(
    { run, tasks: view.tasks ?? [], lost: view.lost ?? false },
    { paint: paintWith(false), now: NOW, columns, maxLines },
  );
}

describe('the tree of a run', () => {
  test('tasks stand after what they need, with state, attempt and duration', () => {
    const lines = draw({
      // Ids are not in the order of the graph.
      tasks: tasks(['report', 'clean', 'enrich'], ['clean', 'extract'], ['enrich', 'extract'], ['extract']),
      taskRuns: [
        taskRun('extract', 'COMPLETED', { started_at: at(1), finished_at: at(3) }),
        taskRun('clean', 'RUNNING', {
          attempt: 2,
          started_at: at(5),
          attempts: [
            { attempt: 1, state: 'FAILED', started_at: at(3), finished_at: at(4), exit_code: 75 },
            { attempt: 2, state: 'RUNNING', started_at: at(5) },
          ],
        }),
      ],
    });
    expect(lines).toEqual([
      'etl v3  run 12  RUNNING  9.0s',
      '├─ ✔ extract       COMPLETED    2.0s',
      '├─ ● clean         RUNNING      5.0s  attempt 2',
      '│  └─ ✖ attempt 1  FAILED       1.0s  exit code 75',
      '├─ ○ enrich        PENDING            after extract',
      '└─ ○ report        PENDING            after clean, enrich',
    ]);
  });

  test('items of a foreach stand below their task, which counts them', () => {
    const lines = draw({
      tasks: tasks(['total']),
      taskRuns: [
        taskRun('total', 'RUNNING', { map_index: 1, started_at: at(9) }),
        taskRun('total', 'COMPLETED', { map_index: 0, started_at: at(8), finished_at: at(9) }),
      ],
    });
    expect(lines.slice(1)).toEqual([
      '└─ ● total   RUNNING      2.0s  1/2 items',
      '   ├─ ✔ [0]  COMPLETED    1.0s',
      '   └─ ● [1]  RUNNING      1.0s',
    ]);
  });

  test('a task that stands for its items says how it is itself', () => {
    const lines = draw({
      taskRuns: [
        taskRun('total', 'COMPLETED', { started_at: at(8), finished_at: at(9) }),
        taskRun('total', 'COMPLETED', { map_index: 0, started_at: at(8), finished_at: at(9) }),
      ],
    });
    expect(lines.slice(1)).toEqual(['└─ ✔ total   COMPLETED    1.0s  1/1 items', '   └─ ✔ [0]  COMPLETED    1.0s']);
  });

  test('without a description of the workflow the task runs alone make the tree', () => {
    expect(draw({ taskRuns: [taskRun('a', 'SKIPPED', { state_reason: 'upstream-skipped' })] })[1]).toBe(
      '└─ ↷ a  SKIPPED          upstream-skipped',
    );
  });

  test('no line is wider than the terminal', () => {
    const lines = draw(
      {
        run: { ...RUN, state: 'FAILED', state_reason: 'a very long reason indeed' },
        tasks: tasks(['task']),
        taskRuns: [taskRun('task', 'FAILED', { failure: { class: 'user', code: 'x', message: 'm'.repeat(100) } })],
      },
      40,
    );
    expect(lines.map((line) => [...line].length)).toEqual([expect.any(Number), 40]);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(40);
  });

  test('of too many lines the telling ones stay, and the rest is counted', () => {
    const many = Array.from({ length: 50 }, (_, index) => taskRun(`t${index}`, index === 40 ? 'FAILED' : 'COMPLETED'));
    const lines = draw({ taskRuns: many }, 80, 10);
    expect(lines).toHaveLength(10);
    expect(lines.join('\n')).toContain('t40');
    expect(lines.at(-1)).toContain('42 more');
  });

  test('text of a task cannot draw on the terminal', () => {
    const evil = draw({ taskRuns: [taskRun('a', 'FAILED', { state_reason: 'x\u001b[2J\ny' })] }).join('');
    expect(evil).not.toContain('\u001b');
    expect(evil).not.toContain('\n');
  });

  test('a lost connection is said', () => {
    expect(draw({ lost: true })[0]).toContain('connection lost');
  });
});

test.each([
  { reason: 'nothing has begun', states: [], state: 'PENDING' },
  { reason: 'all alike', states: ['FAILED', 'FAILED'], state: 'FAILED' },
  { reason: 'one still runs', states: ['FAILED', 'RUNNING'], state: 'RUNNING' },
  { reason: 'some wait, some are done', states: ['COMPLETED', 'PENDING'], state: 'RUNNING' },
  { reason: 'one failed', states: ['COMPLETED', 'FAILED', 'SKIPPED'], state: 'FAILED' },
  { reason: 'a skipped item is no failure', states: ['COMPLETED', 'SKIPPED'], state: 'COMPLETED' },
])('items together: $reason', ({ states, state }) => {
  expect(overallState(states.map((one) => taskRun('t', one)))).toBe(state);
});
