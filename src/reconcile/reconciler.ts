/** One pass brings rows to what engines say and engines to what clients asked for. Safe to run several at once. */
import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { checkHealth } from '../engines/check-health.js';
import { type Engine, Engines } from '../engines/engines.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { readActiveRecords, readRecentlyEnded, readRunRecords, takeTicket } from '../lifecycle/run-store.js';
import { Database } from '../platform/database.js';
import { Telemetry } from '../platform/telemetry.js';
import { Observer } from './observer.js';
import { markOverdueCancels } from './mark-overdue-cancels.js';
import { followTombstones } from './follow-tombstones.js';
import { findOrphans } from './find-orphans.js';
import { lookForBorn } from './look-for-born.js';
import { hasOpenWish } from './open-wish.js';
import { resolveRetriedDrift } from './run-drift.js';

export interface RunFailure {
  workflow_run_id: number;
  code: string;
  message: string;
}

export interface EnginePass {
  engine: string;
  checked: number;
  changed: number;
  failed: RunFailure[];
  /** Why the engine could not be asked at all. */
  unreachable?: string;
  took_ms: number;
}

export interface PassSummary {
  engines: EnginePass[];
}

export interface PassOptions {
  engine?: string;
  /** Only these runs: a pass on request, which covers nothing else. */
  runIds?: number[];
}

/** Rows read and written at a time. */
const PAGE = 1_000;

@Injectable()
export class Reconciler {
  /** By engine: when this process looks for what no run knows next, on its monotonic clock in milliseconds. */
  private readonly nextLooks = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly observer: Observer,
    private readonly config: Config,
    private readonly telemetry: Telemetry,
  ) {}

  /** Engines in parallel: a slow one delays nobody else. Throws only what the database throws. */
  async pass(options: PassOptions = {}): Promise<PassSummary> {
    const engines = options.engine === undefined ? this.engines.list() : [this.engines.require(options.engine)];
    const passes = await Promise.all(engines.map((engine) => this.passEngine(engine, options)));
    return { engines: passes };
  }

  private async passEngine(engine: Engine, options: PassOptions): Promise<EnginePass> {
    const began = performance.now();
    const pass: EnginePass = { engine: engine.name, checked: 0, changed: 0, failed: [], took_ms: 0 };
    await markOverdueCancels(this.database, engine.name, this.config.cancelGraceMs);
    const health = await checkHealth(this.database, engine, { recordedLater: !options.runIds });
    if (health.state === 'DOWN' || health.state === 'UNAUTHORIZED') {
      pass.unreachable = health.detail ?? health.state;
    } else {
      const { ticket, at } = await takeTicket(this.database);
      if (options.runIds) await this.look(engine, await this.activeOf(engine, options.runIds), pass);
      else await this.lookAtAll(engine, pass);
      if (!options.runIds) {
        await this.lookAtEnded(engine, pass);
        await resolveRetriedDrift(this.database, engine.name);
        pass.changed += await followTombstones(this.database, engine, this.telemetry.log);
        await this.recordPass(engine, pass, ticket, at, health.latencyMs);
        await this.lookForOthers(engine);
      }
    }
    pass.took_ms = Math.round(performance.now() - began);
    this.telemetry.metrics.reconcileSeconds.observe({ engine: engine.name }, pass.took_ms / 1000);
    this.telemetry.log.info(
      {
        engine: engine.name,
        checked: pass.checked,
        changed: pass.changed,
        failed: pass.failed.length,
        unreachable: pass.unreachable,
        took_ms: pass.took_ms,
      },
      'reconciled',
    );
    return pass;
  }

  /** Who looked last is asked no sooner than a look may be due: most passes have no statement for it. */
  private async lookForOthers(engine: Engine): Promise<void> {
    const now = performance.now();
    if (now < (this.nextLooks.get(engine.name) ?? 0)) return;
    const { orphanIntervalMs } = this.config;
    const isMore = await findOrphans(this.database, engine, orphanIntervalMs, this.telemetry.log);
    await lookForBorn(this.database, engine, orphanIntervalMs, this.telemetry.log);
    this.nextLooks.set(engine.name, isMore ? 0 : now + orphanIntervalMs);
  }

  private async lookAtAll(engine: Engine, pass: EnginePass): Promise<void> {
    let after = 0;
    for (;;) {
      const runs = await readActiveRecords(this.database, engine.name, after, PAGE);
      const last = runs.at(-1);
      if (!last) return;
      await this.look(engine, runs, pass);
      after = last.id;
    }
  }

  /** What just ended is looked at once more: an engine that runs it again is drift, and drift is said. */
  private async lookAtEnded(engine: Engine, pass: EnginePass): Promise<void> {
    const sinceMs = this.config.taskSettleMs + this.config.reconcileIntervalMs;
    const ended = await readRecentlyEnded(this.database, engine.name, sinceMs, PAGE);
    const applied = await this.observer.observe(engine, ended, {
      class: 'reconcile',
      source: 'reconciler',
      listed: true,
    });
    pass.changed += applied.changed;
  }

  private async look(engine: Engine, runs: RunRecord[], pass: EnginePass): Promise<void> {
    pass.checked += runs.length;
    await this.makeDue(runs.filter(hasOpenWish));
    const onEngine = runs.filter(isOnEngine);
    const applied = await this.observer.observe(engine, onEngine, {
      class: 'reconcile',
      source: 'reconciler',
      pass: true,
    });
    pass.changed += applied.changed;
    pass.failed.push(...applied.failed.map(({ runId, code, message }) => ({ workflow_run_id: runId, code, message })));
  }

  private async activeOf(engine: Engine, ids: number[]): Promise<RunRecord[]> {
    const runs = await readRunRecords(this.database, ids);
    return runs.filter((run) => run.workflowEngine === engine.name && run.finishedAt === null);
  }

  /** A wish that differs from the facts and has no due time would wait for ever: the worker is sent there. */
  private async makeDue(runs: RunRecord[]): Promise<void> {
    if (runs.length === 0) return;
    await this.database.query({
      name: 'make-due',
      // A new version: who decided on the row without a due time decides again.
      text: `UPDATE workflow_runs SET next_action_at = now(), version = version + 1
             WHERE id = ANY($1) AND next_action_at IS NULL`,
      values: [runs.map((run) => run.id)],
    });
  }

  /** The one row a complete pass writes: every run it covered and left alone was as stored when it began. */
  private async recordPass(
    engine: Engine,
    pass: EnginePass,
    ticket: number,
    at: Date,
    latencyMs: number,
  ): Promise<void> {
    await this.database.query({
      name: 'record-pass',
      text: `UPDATE engines SET pass_ticket = $2, pass_began_at = $3, pass_ended_at = clock_timestamp(),
               pass_checked = $4, pass_changed = $5, pass_failed = $6, health_latency_ms = $7,
               health_checked_at = clock_timestamp()
             WHERE name = $1 AND (pass_ticket IS NULL OR pass_ticket < $2)`,
      values: [engine.name, ticket, at, pass.checked, pass.changed, pass.failed.length, latencyMs],
    });
  }
}

/** Known to be there, or to be restarted there: a retry in place has an execution before its own call. */
function isOnEngine({ execution }: RunRecord): boolean {
  return execution.outcome === 'known' || execution.verb === 'retry';
}
