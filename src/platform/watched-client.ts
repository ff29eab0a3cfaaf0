import type pg from 'pg';
import { TransactionClient } from './transaction-ends.js';

/**
 * A connection that knows for how long its server has said nothing. `pg` itself has a timer for each statement, `query_timeout`:
 * with it, results outlive the collections of what is new, and most of them have to be found by one of the whole heap.
 */
export class WatchedClient extends TransactionClient {
  private askedAt: number | undefined;

  constructor(config?: pg.ClientConfig) {
    super(config);
    // All that was asked is answered.
    this.on('drain', () => (this.askedAt = undefined));
  }

  /** In all forms that `pg` has. */
  override query(...asked: unknown[]): never {
    this.askedAt = performance.now();
    return Reflect.apply(super.query, this, asked) as never;
  }

  /** Cuts it when the last statement has waited longer; that one fails. A goodbye would wait for the server as well. */
  cutIfSilentFor(ms: number): void {
    if (this.askedAt !== undefined && performance.now() - this.askedAt > ms) this.connection.stream.destroy();
  }
}
