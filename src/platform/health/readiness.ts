import { setTimeout as after } from 'node:timers/promises';
import type { Database } from '../database.js';
import { DatabaseInRecovery } from '../database-errors.js';
import type { Drain } from '../drain.js';
import { DatabaseRefused } from '../migrator.js';

/** Milliseconds a database that is well answers `SELECT 1` in. */
const LIMIT_MS = 1_000;

/** How long the schema of the database counts as known, in milliseconds. */
const RECHECK_MS = 5_000;

/** Says why requests should go elsewhere. */
export class Readiness {
  /** When the schema was last found to be one this version can work with; -Infinity before the first time. */
  #fitAt = -Infinity;
  /** Why it is none any more. */
  #unfit: string | undefined;

  constructor(
    private readonly database: Database,
    private readonly drain: Drain,
    /** Names of migrations the database lacks; throws `DatabaseRefused` for one this version is too old for. */
    private readonly pending: () => Promise<string[]>,
  ) {}

  /** One sentence, or undefined when requests are welcome. */
  async obstacle(): Promise<string | undefined> {
    if (this.drain.begun) return 'the service is stopping';
    const late = new AbortController();
    try {
      return await Promise.race([
        this.ask(),
        after(LIMIT_MS, 'the database does not answer', { signal: late.signal, ref: false }),
      ]);
    } catch (error) {
      return error instanceof DatabaseInRecovery ? error.message : 'the database does not answer';
    } finally {
      late.abort();
    }
  }

  private async ask(): Promise<string | undefined> {
    if (this.#fitAt === -Infinity) await this.recheck();
    // A newer version may have taken away what this one needs. Nobody waits for the word that it has not.
    else if (performance.now() - this.#fitAt > RECHECK_MS) {
      this.#fitAt = performance.now();
      void this.recheck().catch(() => undefined);
    }
    if (this.#unfit !== undefined) return this.#unfit;
    await this.database.query({ text: 'SELECT 1' });
    return undefined;
  }

  private async recheck(): Promise<void> {
    try {
      const missing = await this.pending();
      this.#unfit = missing.length > 0 ? `migrations are missing: ${missing.join(', ')}` : undefined;
      if (missing.length === 0) this.#fitAt = performance.now();
    } catch (error) {
      if (!(error instanceof DatabaseRefused)) throw error;
      this.#unfit = error.message;
    }
  }
}
