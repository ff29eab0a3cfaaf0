import { Injectable } from '@nestjs/common';
import type { CallClass } from '../engines/call-budget.js';
import type { Engine } from '../engines/engines.js';
import { Config } from '../config.js';
import { toExecutionRef } from '../lifecycle/execution-ref.js';
import type { LifecycleSource } from '../lifecycle/lifecycle-event.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { readRunRecords, takeTicket } from '../lifecycle/run-store.js';
import { Database } from '../platform/database.js';
import { KillPoints } from '../platform/kill-points.js';
import { Metrics } from '../platform/metrics.js';
import type { Observation } from '../../adapters/spi/facts.js';
import { applyObservations, type Applied } from './apply-observations.js';
import type { ObservationContext } from './decide.js';
import { TaskRunRoom, Widths } from './task-run-room.js';

export interface ObserveOptions {
  class: CallClass;
  source: LifecycleSource;
  /** Absences seen now count towards the verdict `engine-run-missing`. */
  pass?: boolean;
  /** Whoever holds the run looks: no call for it is under way. */
  driving?: boolean;
  /** Only what the batch calls say: no run is asked for on its own. */
  listed?: boolean;
  timeoutMs?: number;
  traceparent?: string | null;
}

/** Runs that a list lacked and that are asked for one by one, per page: a list miss is not an absence. */
const MISSING_AT_ONCE = 100;
/** Pages asked for at the same time: most of a pass over many runs is waiting for the engine. */
const PAGES_AT_ONCE = 4;
/** Whole executions read at the same time per page. */
const WHOLE_AT_ONCE = 8;

/** Of one call: what was done, and room for what is still to be read whole. */
interface Round {
  total: Applied;
  room: TaskRunRoom;
}

/** Asks an engine about runs and applies what it says: the one way facts come in, whoever asks. */
@Injectable()
export class Observer {
  private readonly widths = new Widths();

  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly metrics: Metrics,
    private readonly killPoints: KillPoints,
  ) {}

  /**
   * Reads the runs in batch calls, and whole where the facts call for it. A call that fails leaves its runs unread with the
   * cause; the others are applied. Throws only what the database throws.
   */
  async observe(engine: Engine, runs: RunRecord[], options: ObserveOptions): Promise<Applied> {
    const round = newRound();
    const { pageSize } = engine.capabilities;
    const pages = Array.from({ length: Math.ceil(runs.length / pageSize) }, (_, page) =>
      runs.slice(page * pageSize, (page + 1) * pageSize),
    );
    await forEach(pages, PAGES_AT_ONCE, (page) => this.observePage(engine, page, options, round));
    return round.total;
  }

  /** Reads each run with its tasks, a few at a time. */
  async observeWhole(engine: Engine, runs: RunRecord[], options: ObserveOptions): Promise<Applied> {
    const round = newRound();
    await this.readWhole(engine, runs, options, round);
    return round.total;
  }

  private async readWhole(
    engine: Engine,
    runs: RunRecord[],
    options: ObserveOptions,
    { total, room }: Round,
  ): Promise<void> {
    await forEach(runs, WHOLE_AT_ONCE, async (run) => {
      const leave = await room.take(this.widths.of(run.workflowId));
      try {
        const ctx = await this.context(engine, options);
        const observation = await this.readOne(engine, run, options, total);
        const [fresh] = await readRunRecords(this.database, [run.id]);
        if (!fresh || fresh.generation !== run.generation) return;
        add(total, await this.apply(engine, [fresh], [observation], ctx));
      } finally {
        leave();
      }
    });
  }

  private async observePage(engine: Engine, runs: RunRecord[], options: ObserveOptions, round: Round): Promise<void> {
    const ctx = await this.context(engine, options);
    const page = await this.readPage(engine, runs, options, round.total);
    const missing =
      page.answered && options.listed !== true
        ? runs.filter((run) => isUnread(run, page.observations)).slice(0, MISSING_AT_ONCE)
        : [];
    const listed = runs.filter((run) => !missing.includes(run));
    const applied = await this.apply(engine, listed, page.observations, ctx);
    add(round.total, applied);
    await this.readWhole(engine, [...applied.whole, ...missing], options, round);
    if (options.pass === true) this.killPoints.reach('reconcile.page');
  }

  private async readPage(
    engine: Engine,
    runs: RunRecord[],
    options: ObserveOptions,
    total: Applied,
  ): Promise<{ answered: boolean; observations: Observation[] }> {
    const refs = runs.map(toExecutionRef);
    try {
      const observations = await engine.gateway.call('observeMany', options, (adapter, ctx) =>
        adapter.observeMany(refs, ctx),
      );
      return { answered: true, observations };
    } catch (error) {
      return { answered: false, observations: runs.map((run) => unread(run, error, total)) };
    }
  }

  private async readOne(engine: Engine, run: RunRecord, options: ObserveOptions, total: Applied): Promise<Observation> {
    const ref = toExecutionRef(run);
    try {
      const seen = await engine.gateway.call('observe', options, (adapter, ctx) => adapter.observe(ref, ctx));
      if (seen.presence === 'present' && seen.taskRuns) this.widths.note(run.workflowId, seen.taskRuns.length);
      return seen;
    } catch (error) {
      return unread(run, error, total);
    }
  }

  private async apply(
    engine: Engine,
    runs: RunRecord[],
    said: Observation[],
    ctx: ObservationContext,
  ): Promise<Applied> {
    const byKey = new Map(said.map((observation) => [observation.key, observation]));
    const seen = runs.map((run) => {
      const { key } = run.execution;
      const observation = byKey.get(key) ?? {
        presence: 'unread' as const,
        key,
        reason: 'the engine said nothing about it',
      };
      return { run, observation };
    });
    return applyObservations(this.database, this.metrics, engine.name, seen, ctx);
  }

  /** The ticket is taken before the engine is asked: it orders answers by when they were asked for. */
  private async context(engine: Engine, options: ObserveOptions): Promise<ObservationContext> {
    const { ticket, at } = await takeTicket(this.database);
    return {
      ticket,
      at,
      source: options.source,
      pass: options.pass ?? false,
      driving: options.driving ?? false,
      epoch: engine.epoch,
      engineMissingGraceMs: this.config.engineMissingGraceMs,
      stuckAfterMs: this.config.stuckAfterMs,
      taskRefreshIntervalMs: options.pass === true ? null : this.config.taskRefreshIntervalMs,
      taskSettleMs: this.config.taskSettleMs,
    };
  }
}

function newRound(): Round {
  return { total: { changed: 0, whole: [], failed: [] }, room: new TaskRunRoom() };
}

/** `atOnce` at the same time; after an error no further one is begun. */
async function forEach<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  } finally {
    queue.length = 0;
  }
}

function add(total: Applied, more: Applied): void {
  total.changed += more.changed;
  total.failed.push(...more.failed);
}

function isUnread(run: RunRecord, observations: Observation[]): boolean {
  const said = observations.find((observation) => observation.key === run.execution.key);
  return said === undefined || said.presence === 'unread';
}

function unread(run: RunRecord, error: unknown, total: Applied): Observation {
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown }).code;
  total.failed.push({ runId: run.id, code: typeof code === 'string' ? code : 'unknown', message });
  return { presence: 'unread', key: run.execution.key, reason: message };
}
