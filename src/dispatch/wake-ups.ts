import { Injectable } from '@nestjs/common';
import pg from 'pg';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';

const CHANNEL = 'signalbox_due';
/** From one message to the next; and after one that stood for several: workers have enough to do until then. */
const COALESCE_MS = { alone: 5, several: 25 };
const RECONNECT_MS = 1_000;

/** For the server to say that it will tell us. */
const LISTEN_TIMEOUT_MS = 10_000;

/** Without an engine: rows of any may be due. `newRunId`: a run that was just stored, if that is all there is to tell. */
type Listener = (engine?: string, newRunId?: number) => void;

/**
 * Tells workers that an engine has due rows: directly in this process, by one coalesced NOTIFY to others. A lost wake-up costs
 * at most one poll interval.
 */
@Injectable()
export class WakeUps {
  private listener: Listener | undefined;
  /** By engine, the new run if that is all there is to tell. */
  private readonly pending = new Map<string, number | undefined>();
  /** How often somebody asked for what is pending. */
  private asked = 0;
  private notification: NodeJS.Timeout | NodeJS.Immediate | undefined;
  private mayNotifyAt = -Infinity;
  private client: pg.Client | undefined;
  private reconnect: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /** Called after the commit that made a row due. Cheap; never throws. */
  wake(engine: string, newRunId?: number): void {
    if (this.listener) return this.listener(engine, newRunId);
    this.pending.set(engine, this.pending.has(engine) ? undefined : newRunId);
    this.asked += 1;
    // The first of many goes at once, the others together. A timer takes a millisecond at least.
    const waitMs = this.mayNotifyAt - performance.now();
    const notify = (): void => void this.notify();
    this.notification ??= waitMs > 0 ? setTimeout(notify, waitMs) : setImmediate(notify);
  }

  /** Makes this process a worker: wake-ups of its own and of others reach `listener`. */
  async listen(listener: Listener): Promise<void> {
    this.listener = listener;
    await this.connect();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.reconnect);
    await this.notify();
    await this.client?.end().catch(() => undefined);
  }

  private async notify(): Promise<void> {
    this.notification = undefined;
    if (this.pending.size === 0) return;
    this.mayNotifyAt = performance.now() + (this.asked > 1 ? COALESCE_MS.several : COALESCE_MS.alone);
    this.asked = 0;
    const messages = [...this.pending].map(([engine, newRunId]) => toMessage(engine, newRunId));
    this.pending.clear();
    try {
      await this.database.query({ name: 'wake-workers', text: WAKE_WORKERS, values: [CHANNEL, messages] });
    } catch (error) {
      this.log.warn({ err: error }, 'workers could not be woken; their poll finds the work');
    }
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      ...this.database.pool.options,
      application_name: 'signalbox-wake-ups',
      query_timeout: LISTEN_TIMEOUT_MS,
    });
    client.on('notification', ({ payload }) => this.listener?.(...fromMessage(payload ?? '')));
    client.on('error', () => undefined);
    client.on('end', () => this.connectLater());
    this.client = client;
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      // What was announced while nobody listened is found by looking.
      this.listener?.();
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

/** Nobody waits for the disk: a message that a crash of PostgreSQL takes is lost as others are. */
const WAKE_WORKERS = `
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, message) FROM unnest($2::text[]) AS message`;

/** The engine, and after a space the new run: names of engines have none. */
function toMessage(engine: string, newRunId: number | undefined): string {
  return newRunId === undefined ? engine : `${engine} ${newRunId}`;
}

function fromMessage(message: string): Parameters<Listener> {
  const [engine, newRunId] = message.split(' ');
  return [engine, newRunId === undefined ? undefined : Number(newRunId)];
}
