import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from './database.js';

const CALL_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const AGE_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 45, 60, 120, 300, 900];

/**
 * How often the event loop is looked at; its lags hold this time. With the library's 10 ms a third of what an idle process
 * uses went there.
 */
const EVENT_LOOP_TICK_MS = 50;

/** What one process measures, on a registry of its own. Injected by class. */
export class Metrics {
  readonly registry = new Registry();

  readonly runsByState = this.gauge('signalbox_workflow_runs', 'Active workflow runs', ['state']);
  readonly stuckRuns = this.gauge('signalbox_stuck_workflow_runs', 'Accepted and not started for too long', ['engine']);
  readonly drift = this.gauge('signalbox_drift', 'Open contradictions with engines', ['engine', 'kind']);
  readonly jobLagSeconds = this.histogram('signalbox_job_lag_seconds', 'Due to taken', [], AGE_SECONDS);
  readonly engineCalls = this.counter('signalbox_engine_calls_total', 'Calls', ['engine', 'verb', 'outcome']);
  readonly engineCallSeconds = this.histogram('signalbox_engine_call_seconds', 'Duration of calls', ['engine', 'verb']);
  readonly refreshAgeSeconds = this.histogram('signalbox_refresh_age_seconds', 'Age of facts read', [], AGE_SECONDS);
  readonly reconcileSeconds = this.histogram('signalbox_reconcile_seconds', 'Duration of a pass', ['engine']);
  readonly unknownStates = this.counter('signalbox_unknown_states_total', 'Unknown words', ['engine', 'word']);
  readonly droppedObservations = this.counter('signalbox_dropped_observations_total', 'Not applied', ['reason']);
  readonly purgedRuns = this.counter('signalbox_purged_runs_total', 'Deleted by RUN_RETENTION', ['engine']);
  readonly httpRequests = this.counter('signalbox_http_requests_total', 'Requests', ['operation', 'status']);
  readonly httpSeconds = this.histogram('signalbox_http_request_seconds', 'Duration of requests', ['operation']);
  readonly databaseConnections = this.gauge('signalbox_database_connections', 'Of this process', ['state']);

  #source: Database | undefined;

  /** Starts the process's own figures (event loop, memory, GC) as well; once per process. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: EVENT_LOOP_TICK_MS });
  }

  /** Where runs are counted at each scrape: active ones only, from their partial indexes. Its connections are counted too. */
  countRunsIn(database: Database): void {
    this.#source = database;
  }

  /** The exposition text. A database that does not answer leaves out what is counted in it and nothing else. */
  async expose(): Promise<string> {
    // Before the counting takes some itself.
    for (const [state, count] of Object.entries<number>({ ...this.#source?.connections })) {
      this.databaseConnections.set({ state }, count);
    }
    await Promise.all([
      this.#countRuns().catch(() => this.runsByState.reset()),
      this.#countStuck().catch(() => this.stuckRuns.reset()),
      this.#countDrift().catch(() => this.drift.reset()),
    ]);
    return this.registry.metrics();
  }

  async #countRuns(): Promise<void> {
    if (!this.#source) return;
    const { rows } = await this.#source.query<{ state: string; runs: number }>({
      name: 'metrics-runs-by-state',
      text: `SELECT state, count(*) AS runs FROM workflow_runs
              WHERE state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')
              GROUP BY state`,
    });
    this.runsByState.reset();
    for (const row of rows) this.runsByState.set({ state: row.state }, row.runs);
  }

  async #countStuck(): Promise<void> {
    if (!this.#source) return;
    const { rows } = await this.#source.query<{ engine: string; runs: number }>({
      name: 'metrics-stuck-runs',
      // Every engine, those without one too: a gauge that vanishes would leave its alert as it was.
      text: `SELECT g.name AS engine, count(r.id) AS runs
             FROM engines g LEFT JOIN workflow_runs r ON r.workflow_engine = g.name AND r.state_reason LIKE 'stuck: %'
             GROUP BY g.name`,
    });
    this.stuckRuns.reset();
    for (const row of rows) this.stuckRuns.set({ engine: row.engine }, row.runs);
  }

  async #countDrift(): Promise<void> {
    if (!this.#source) return;
    const { rows } = await this.#source.query<{ engine: string; kind: string; entries: number }>({
      name: 'metrics-drift',
      text: `SELECT workflow_engine AS engine, kind, count(*) AS entries FROM drift WHERE resolved_at IS NULL
             GROUP BY workflow_engine, kind`,
    });
    this.drift.reset();
    for (const row of rows) this.drift.set({ engine: row.engine, kind: row.kind }, row.entries);
  }

  private counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  private histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    buckets: number[] = CALL_SECONDS,
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
