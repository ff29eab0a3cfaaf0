import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from '../platform/database.js';
import { forgetOldAnswers } from '../platform/idempotency.js';
import { Log } from '../platform/log.js';
import { repeat } from '../platform/repeat.js';
import { forgetOldClaims } from './forget-old-claims.js';
import { Retention } from './retention.js';

/** Milliseconds between two looks for what is old: nobody waits for it. */
const TIDY_MS = 60_000;

/** Answers, claims and runs that were kept long enough go, once a minute; where passes are made less often, as often as they. */
@Injectable()
export class TidyLoop {
  private end: () => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly retention: Retention,
    private readonly database: Database,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  start(): void {
    this.end = repeat(Math.max(this.config.reconcileIntervalMs, TIDY_MS), () => this.tidy());
  }

  stop(): Promise<void> {
    return this.end();
  }

  private async tidy(): Promise<void> {
    try {
      await forgetOldAnswers(this.database, this.config.idempotencyRetentionMs);
      await forgetOldClaims(this.database);
      await this.retention.pass();
    } catch (error) {
      this.log.warn({ err: error }, 'what is old could not be forgotten');
    }
  }
}
