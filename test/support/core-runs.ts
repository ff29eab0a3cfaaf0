import { LifecycleRequests } from '../../src/lifecycle/lifecycle-requests.js';
import type { LifecycleRequestType } from '../../src/lifecycle/lifecycle-event.js';
import type { RunRecord } from '../../src/lifecycle/run-record.js';
import { isFinal, type RunState } from '../../src/lifecycle/run-state.js';
import { readRunRecord } from '../../src/lifecycle/run-store.js';
import { WakeUps } from '../../src/dispatch/wake-ups.js';
import { createRun } from '../../src/workflow-runs/create-run.js';
import { storeWorkflow } from '../../src/workflows/store-workflow.js';
import type { TaskGraph } from '../../adapters/spi/facts.js';
import type { TestApp } from './app.js';
import { until } from './until.js';

/** Runs of an app below its HTTP door: what tests of dispatch and reconciliation start, ask and look at. */
export class CoreRuns {
  constructor(
    private readonly app: TestApp,
    private readonly engine: string,
  ) {}

  /** Stores a workflow and one run of it; returns the run's id. With a graph the workflow is READY at once. */
  async start(title: string, definition: string, graph?: TaskGraph): Promise<number> {
    return this.startVersion(await this.store(title, definition, graph));
  }

  async store(title: string, definition: string, graph?: TaskGraph): Promise<number> {
    const workflow = await this.app.database.transaction((db) =>
      storeWorkflow(db, {
        project: 'default',
        title,
        engine: this.engine,
        format: this.engine === 'local' ? 'signalbox/v1' : 'native',
        definition,
        workflowParameters: [],
        parameterSchemas: {},
        labels: [],
        diagnostics: [],
        graph,
      }),
    );
    return workflow.id;
  }

  /** Stores a version and waits until its engine has taken it in. */
  async storeReady(title: string, definition: string): Promise<number> {
    const id = await this.store(title, definition);
    await until(
      async () => {
        const { rows } = await this.app.database.query<{ state: string }>({
          text: 'SELECT registration_state AS state FROM workflows WHERE id = $1',
          values: [id],
        });
        return rows[0]?.state;
      },
      (state) => state === 'READY',
    );
    return id;
  }

  async startVersion(workflowId: number): Promise<number> {
    const run = { project: 'default', workflowId, parameters: {}, labels: [], staleAfterMs: 45_000 };
    const id = await this.app.database.transaction(async (db) => {
      if (!(await createRun(db, run))) throw new Error('the run was not stored');
      const { rows } = await db.query<{ id: number }>({
        text: `SELECT currval(pg_get_serial_sequence('workflow_runs', 'id')) AS id`,
      });
      return rows[0]?.id ?? 0;
    });
    this.wake();
    return id;
  }

  wake(): void {
    this.app.app.nest.get(WakeUps).wake(this.engine);
  }

  async record(id: number): Promise<RunRecord> {
    const found = await readRunRecord(this.app.database, id);
    if (!found) throw new Error(`no run ${id}`);
    return found;
  }

  reaches(id: number, ...states: RunState[]): Promise<RunRecord> {
    return until(
      () => this.record(id),
      (run) => states.includes(run.state),
    );
  }

  ended(id: number): Promise<RunRecord> {
    return until(
      () => this.record(id),
      (run) => isFinal(run.state),
    );
  }

  async request(runId: number, type: LifecycleRequestType): Promise<'accepted' | 'unchanged' | 'dry-run'> {
    const { answer } = await this.app.app.nest.get(LifecycleRequests).request({ project: 'default', runId, type });
    this.wake();
    return answer;
  }

  /** `TYPE FROM TO` per event; throws when `seq` has a gap. */
  async history(id: number): Promise<string[]> {
    const { rows } = await this.app.database.query<{ line: string; seq: number }>({
      text: `SELECT seq, type || ' ' || coalesce(from_state, '-') || ' ' || to_state AS line FROM lifecycle_events
             WHERE workflow_run_id = $1 ORDER BY seq`,
      values: [id],
    });
    rows.forEach((row, index) => {
      if (row.seq !== index + 1) throw new Error(`run ${id}: event ${index + 1} is missing`);
    });
    return rows.map((row) => row.line);
  }
}
