import type { LogLevel } from './platform/log-level.js';
import type { Secret } from './platform/secret.js';

/** What the process runs with. Durations are milliseconds, paths absolute. Injected by class. */
export class Config {
  readonly host!: string;
  readonly port!: number;
  /** Absent: Signalbox starts a PostgreSQL of its own below `dataDir`. */
  readonly databaseUrl!: Secret | undefined;
  readonly databasePoolSize!: number;
  readonly databaseAcquireTimeoutMs!: number;
  readonly dataDir!: string;
  readonly enginesFile!: string | undefined;
  readonly logLevel!: LogLevel;
  readonly drainTimeoutMs!: number;
  readonly requestTimeoutMs!: number;
  readonly reconcileIntervalMs!: number;
  readonly orphanIntervalMs!: number;
  readonly refreshMaxAgeMs!: number;
  readonly refreshTimeoutMs!: number;
  readonly taskRefreshIntervalMs!: number;
  readonly pollIntervalMs!: number;
  readonly leaseMs!: number;
  readonly engineSlots!: number;
  readonly engineTimeoutMs!: number;
  readonly engineMissingGraceMs!: number;
  readonly submitGraceMs!: number;
  readonly cancelGraceMs!: number;
  readonly stuckAfterMs!: number;
  readonly retryDrainGraceMs!: number;
  readonly taskSettleMs!: number;
  readonly registerTimeoutMs!: number;
  readonly maxStreamsPerProject!: number;
  readonly idempotencyRetentionMs!: number;
  /** 0 = for ever. */
  readonly runRetentionMs!: number;

  constructor(fields: ConfigFields<Config>) {
    Object.assign(this, fields);
  }
}

export type ConfigFields<T> = { readonly [K in keyof T]: T[K] };
