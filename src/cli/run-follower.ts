import { ApiProblem, Unreachable } from './api-problem.js';
import { path, type ApiClient } from './api-client.js';
import { hasEnded, type Page, type Task, type WorkflowRun } from './api-types.js';
import { followEvents } from './event-stream.js';
import type { RunView } from './run-view.js';

/** Between two looks at a run whose tasks change without an event of the run. */
const LOOK_EVERY_MS = 500;
const SLOWEST_LOOK_MS = 2_000;
/** How long the service may be away. */
const PATIENCE_MS = 120_000;

/**
 * Looks at a run until it has ended: at once after each of its lifecycle events, else every half second, slower while
 * nothing changes. Goes on over lost connections for two minutes, then throws `Unreachable`.
 */
export async function* followRun(api: ApiClient, id: number): AsyncGenerator<RunView> {
  const done = new AbortController();
  const news = new Signal();
  const stream = listen(api, id, news, done.signal);
  let view: RunView | undefined;
  let lostAt: number | undefined;
  let pauseMs = LOOK_EVERY_MS;
  try {
    for (;;) {
      try {
        const next = await look(api, id, view);
        pauseMs = changed(view, next) ? LOOK_EVERY_MS : Math.min(SLOWEST_LOOK_MS, pauseMs + 250);
        view = next;
        lostAt = undefined;
      } catch (error) {
        lostAt ??= performance.now();
        if (!isPassing(error) || performance.now() - lostAt > PATIENCE_MS) throw error;
        if (view) view = { ...view, lost: true };
      }
      if (view) yield view;
      if (view && !view.lost && hasEnded(view.run.state)) return;
      await news.wait(pauseMs, api.signal);
    }
  } finally {
    done.abort();
    await stream;
  }
}

/** The run as it is now, with its task runs and the tasks of its workflow. */
export async function look(api: ApiClient, id: number, before?: RunView): Promise<RunView> {
  const run = await api.get<WorkflowRun>(path('workflow-runs', id), {
    query: { include: 'task_runs' },
    patienceMs: 1_000,
  });
  return { run, tasks: before?.tasks.length ? before.tasks : await tasksOf(api, run), lost: false };
}

/** The tasks of the run's workflow; none while the engine has not described it. */
export async function tasksOf(api: ApiClient, run: WorkflowRun): Promise<Task[]> {
  try {
    const where = path('workflows', run.workflow.title, run.workflow.version, 'tasks');
    return (await api.get<Page<Task>>(where, { patienceMs: 1_000 })).items;
  } catch (error) {
    // Not described yet, or never: the task runs alone make a view too.
    if (error instanceof ApiProblem && (error.status === 409 || error.status === 404)) return [];
    throw error;
  }
}

/** The stream only says that it is worth looking; without it (too many streams) the looks alone are enough. */
async function listen(api: ApiClient, id: number, news: Signal, until: AbortSignal): Promise<void> {
  try {
    const where = path('workflow-runs', id, 'lifecycle-events');
    for await (const _event of followEvents(api, where, { signal: until })) news.give();
  } catch {
    // Whatever it is, the looks meet it too and report it.
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiProblem && (error.status >= 500 || error.status === 429));
}

function changed(before: RunView | undefined, now: RunView): boolean {
  return (
    JSON.stringify([before?.run.state, before?.run.task_runs]) !== JSON.stringify([now.run.state, now.run.task_runs])
  );
}

/** Wakes one waiter early; a wake-up without a waiter is kept for the next. */
class Signal {
  #given = false;
  #wake: (() => void) | undefined;

  give(): void {
    this.#given = true;
    this.#wake?.();
  }

  async wait(ms: number, abort: AbortSignal): Promise<void> {
    abort.throwIfAborted();
    if (!this.#given) {
      await new Promise<void>((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          abort.removeEventListener('abort', finish);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(finish, ms);
        abort.addEventListener('abort', finish);
        this.#wake = finish;
      });
    }
    this.#given = false;
    abort.throwIfAborted();
  }
}
