import { Injectable } from '@nestjs/common';
import pg from 'pg';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';

const CHANNEL = 'signalbox_due';
const COALESCE_MS = 5;
const RECONNECT_MS = 1_000;

/**
 * Tells workers that an engine has due rows: directly in this process, by one coalesced NOTIFY to others. A lost wake-up costs
 * at most one poll interval.
 */
@Injectable()
export class WakeUps {
  private listener: ((engine: string) => void) | undefined;
  private readonly pending = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private notifiedAt = -Infinity;
  private client: pg.Client | undefined;
  private reconnect: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /** Called after the commit that made a row due. Cheap; never throws. */
  wake(engine: string): void {
    if (this.listener) return this.listener(engine);
    this.pending.add(engine);
    // The first of many goes at once, the others together.
    const waitMs = Math.max(0, this.notifiedAt + COALESCE_MS - performance.now());
    this.timer ??= setTimeout(() => void this.notify(), waitMs);
  }

  /** Makes this process a worker: wake-ups of its own and of others reach `listener`. */
  async listen(listener: (engine: string) => void): Promise<void> {
    this.listener = listener;
    await this.connect();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.reconnect);
    if (this.pending.size > 0) await this.notify();
    await this.client?.end().catch(() => undefined);
  }

  private async notify(): Promise<void> {
    this.timer = undefined;
    this.notifiedAt = performance.now();
    const engines = [...this.pending];
    this.pending.clear();
    try {
      await this.database.query({
        name: 'wake-workers',
        text: `SELECT pg_notify($1, engine) FROM unnest($2::text[]) AS engine`,
        values: [CHANNEL, engines],
      });
    } catch (error) {
      this.log.warn({ err: error }, 'workers could not be woken; their poll finds the work');
    }
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ ...this.database.pool.options, application_name: 'signalbox-wake-ups' });
    client.on('notification', (message) => this.listener?.(message.payload ?? ''));
    client.on('error', () => undefined);
    client.on('end', () => this.connectLater());
    this.client = client;
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      // What was announced while nobody listened is found by looking.
      this.listener?.('');
    } catch (error) {
      if (this.closed) return;
      this.log.warn({ err: error }, 'no wake-ups from other processes for now; the poll goes on');
      // It may be connected and not listen: nobody else would end it.
      await client.end().catch(() => undefined);
      this.connectLater();
    }
  }

  private connectLater(): void {
    if (this.closed) return;
    clearTimeout(this.reconnect);
    this.reconnect = setTimeout(() => void this.connect(), RECONNECT_MS);
  }
}
