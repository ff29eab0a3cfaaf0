/** Finds what is due on one engine, by wake-up or poll, and has it driven. */
import { checkHealth } from '../engines/check-health.js';
import type { Engine } from '../engines/engines.js';
import type { RunToDrive } from '../lifecycle/run-store.js';
import type { Database } from '../platform/database.js';
import { spreadOverTurns } from '../platform/spread-over-turns.js';
import type { Telemetry } from '../platform/telemetry.js';
import { claimDueRuns } from './claim-due-runs.js';
import { makeDriveLane, type DriveLane } from './drive-lane.js';
import type { RunDriver } from './run-driver.js';
import { takeNewRun } from './take-new-run.js';

const SUSPECT_ASKED_MS = 5_000;
/** What engines answer meanwhile comes in between the runs of one claim. */
const CLAIM_TURNS = 24;
/** One in a call, others being made ready for one or storing what one brought. Each may wait for two calls: that costs it its lease at worst. */
const IN_HAND_PER_SLOT = 3;

interface LaneOptions {
  pollMs: number;
  leaseMs: number;
}

/** One engine's slots: a backlog or a sickness of one engine never touches the others. */
export class Lane {
  readonly engineName: string;
  private readonly busy = new Set<Promise<void>>();
  private running = false;
  private loop: Promise<void> = Promise.resolve();
  private rouse: (() => void) | undefined;
  private awake = false;
  /** What woke us, if it was one new run and nothing else. */
  private newRunId: number | undefined;
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

  /** Rows became due; `newRunId`: a run that was just stored, if that is all there is to tell. */
  wake(newRunId?: number): void {
    this.newRunId = this.awake ? undefined : newRunId;
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
    let lookedAt = performance.now();
    while (this.running) {
      const { newRunId } = this;
      this.awake = false;
      this.newRunId = undefined;
      if (newRunId === undefined || !(await this.takeAlone(newRunId))) {
        await this.fill();
        lookedAt = performance.now();
      }
      // There is no room or nothing is due: a finished drive, a wake-up or the poll brings us back.
      await this.sleep(lookedAt + this.options.pollMs - performance.now());
    }
  }

  /** A new run that comes while nothing else is in hand waits for no claim; false when what is due has to be claimed. */
  private async takeAlone(newRunId: number): Promise<boolean> {
    if (this.backlog || this.busy.size > 0 || this.engine.gateway.closedForMs() > 0) return false;
    try {
      const claim = await takeNewRun(this.database, this.engineName, newRunId, this.options.leaseMs);
      if (!claim) return false;
      await this.askForEpoch();
      for (const due of claim.runs) this.take(due, claim.token);
      return true;
    } catch (error) {
      this.telemetry.log.warn({ engine: this.engineName, err: error }, 'a new run could not be read');
      return false;
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
