import { setTimeout as after } from 'node:timers/promises';
import type { Database } from '../database.js';
import { DatabaseInRecovery } from '../database-errors.js';
import type { Drain } from '../drain.js';

/** Milliseconds a database that is well answers `SELECT 1` in. */
const LIMIT_MS = 1_000;

/** Says why requests should go elsewhere. */
export class Readiness {
  #migrated = false;

  constructor(
    private readonly database: Database,
    private readonly drain: Drain,
    /** Names of migrations the database lacks. */
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
    // Applied migrations stay applied: asked until they are, then only whether the database answers.
    if (!this.#migrated) {
      const missing = await this.pending();
      if (missing.length > 0) return `migrations are missing: ${missing.join(', ')}`;
      this.#migrated = true;
    }
    await this.database.query({ text: 'SELECT 1' });
    return undefined;
  }
}
