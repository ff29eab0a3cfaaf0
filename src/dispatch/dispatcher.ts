/** Keeps the slots of every engine busy with due runs, each engine's in a lane of its own. */
import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Engines } from '../engines/engines.js';
import { Database } from '../platform/database.js';
import { Telemetry } from '../platform/telemetry.js';
import { Lane } from './lane.js';
import { RunDriver } from './run-driver.js';

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

  /** Rows of this engine became due, of all engines where none is named; `newRunId`: see {@link Lane.wake}. */
  wake(engine?: string, newRunId?: number): void {
    for (const lane of this.lanes) if (engine === undefined || lane.engineName === engine) lane.wake(newRunId);
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
