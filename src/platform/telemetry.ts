import { Injectable } from '@nestjs/common';
import { Log } from './log.js';
import { Metrics } from './metrics.js';

/** What a part of the service reports by: log lines and numbers. */
@Injectable()
export class Telemetry {
  constructor(
    readonly log: Log,
    readonly metrics: Metrics,
  ) {}
}
