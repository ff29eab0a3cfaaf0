/** Keeps every engine's slots busy with due runs: claims by wake-up or poll, drives each claim, follows the engines' hints. */
import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { checkHealth } from '../engines/check-health.js';
import { type Engine, Engines } from '../engines/engines.js';
import type { RunToDrive } from '../lifecycle/run-store.js';
import { Database } from '../platform/database.js';
import { spreadOverTurns } from '../platform/spread-over-turns.js';
import { Telemetry } from '../platform/telemetry.js';
import { claimDueRuns } from './claim-due-runs.js';
import { makeDriveLane, type DriveLane } from './drive-lane.js';
import { RunDriver } from './run-driver.js';

const SUSPECT_ASKED_MS = 5_000;
/** What engines answer meanwhile comes in between the runs of one claim. */
const CLAIM_TURNS = 24;
/** One in a call, others being made ready for one or storing what one brought. Each may wait for two calls: that costs it its lease at worst. */
const IN_HAND_PER_SLOT = 3;

@Injectable()
export class Dispatcher {
  private lanes: Lane[] = [];

  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly driver: RunDriver,
    private readonly config: Config,
    private readonly telemetry: Telemetry,
  ) {}

  start(): void {
    const options = {
      pollMs: this.config.pollIntervalMs,
      leaseMs: this.config.leaseMs,
    };
    this.lanes = this.engines
      .list()
      .map((engine) => new Lane(engine, this.database, this.driver, this.telemetry, options));
    for (const lane of this.lanes) lane.start();
  }

  /** Rows of this engine became due; an empty name means any. */
  wake(engine: string): void {
    for (const lane of this.lanes) if (engine === '' || lane.engineName === engine) lane.wake();
  }

  /** Whether more runs were due on this engine than there was room for. */
  hasBacklog(engine: string): boolean {
    return this.lanes.some((lane) => lane.engineName === engine && lane.backlog);
  }

  /** Takes no more work and waits for what is in hand; what does not end in time is found by the next process. */
  async stop(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.stop()));
  }
}

interface LaneOptions {
  pollMs: number;
  leaseMs: number;
}

/** One engine's slots: a backlog or a sickness of one engine never touches the others. */
class Lane {
  readonly engineName: string;
  private readonly busy = new Set<Promise<void>>();
  private running = false;
  private loop: Promise<void> = Promise.resolve();
  private rouse: (() => void) | undefined;
  private awake = false;
  private askAgainAt = 0;
  /** The last claim found as many as it asked for. */
  backlog = false;
  private readonly work: DriveLane;

  constructor(
    private readonly engine: Engine,
    private readonly database: Database,
    private readonly driver: RunDriver,
    private readonly telemetry: Telemetry,
    private readonly options: LaneOptions,
  ) {
    this.engineName = engine.name;
    this.work = makeDriveLane(database, engine);
  }

  start(): void {
    this.running = true;
    this.loop = this.run();
  }

  wake(): void {
    this.awake = true;
    this.rouse?.();
  }

  async stop(): Promise<void> {
    this.running = false;
    this.wake();
    this.work.prepared.close();
    this.work.slots.close();
    await this.loop;
    await Promise.allSettled(this.busy);
  }

  private async run(): Promise<void> {
    while (this.running) {
      this.awake = false;
      await this.fill();
      // There is no room or nothing is due: a finished drive, a wake-up or the poll brings us back.
      await this.sleep(this.options.pollMs);
    }
  }

  private async fill(): Promise<void> {
    const free = IN_HAND_PER_SLOT * this.engine.slots - this.busy.size;
    // A backlog is claimed by the slotful: a claim for each run that is done would cost as much as the run.
    if (free < (this.backlog ? this.engine.slots : 1) || this.engine.gateway.closedForMs() > 0) return;
    try {
      await this.askForEpoch();
      const { token, runs } = await claimDueRuns(this.database, this.engineName, free, this.options.leaseMs);
      await spreadOverTurns(runs, CLAIM_TURNS, (due) => this.take(due, token));
      this.backlog = runs.length === free;
    } catch (error) {
      this.telemetry.log.warn({ engine: this.engineName, err: error }, 'due runs could not be claimed');
    }
  }

  /** Without an epoch no submit may be repeated; a suspect engine, which shows none, is not asked with every claim. */
  private async askForEpoch(): Promise<void> {
    if (this.engine.epoch !== undefined || performance.now() < this.askAgainAt) return;
    const { state } = await checkHealth(this.database, this.engine);
    if (state === 'SUSPECT') this.askAgainAt = performance.now() + SUSPECT_ASKED_MS;
  }

  private take(due: RunToDrive, token: string): void {
    const { run } = due;
    if (run.nextActionAt) {
      this.telemetry.metrics.jobLagSeconds.observe(
        Math.max(0, run.readAt.getTime() - run.nextActionAt.getTime()) / 1000,
      );
    }
    const work = this.driver.drive(this.engine, due, token, this.work).finally(() => {
      this.busy.delete(work);
      this.wake();
    });
    this.busy.add(work);
  }

  private async sleep(ms: number): Promise<void> {
    if (this.awake) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.rouse = undefined;
  }
}
