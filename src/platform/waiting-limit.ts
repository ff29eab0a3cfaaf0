/** How many may wait for a connection before whoever comes next is refused: many in a burst, few in a queue that does not end. */

/** Requests for each connection in a burst. At a few milliseconds a request that is a tenth of a second for the last of them. */
export const IN_A_BURST = 6;

/** Requests for each connection in a queue that stands: as many as keep every connection at work. The others would only wait longer. */
export const STANDING = 2;

/** Milliseconds that a queue is a burst since it was last found empty, or since nobody had asked for as long. */
export const BURST_MS = 500;

export class WaitingLimit {
  private burstSince = Number.NEGATIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly connections: number) {}

  /** Asked for each request. `now` in milliseconds of a clock that does not go back. */
  reached(waiting: number, now: number): boolean {
    if (waiting === 0 || now - this.askedAt >= BURST_MS) this.burstSince = now;
    this.askedAt = now;
    const each = now - this.burstSince < BURST_MS ? IN_A_BURST : STANDING;
    return waiting >= each * this.connections;
  }
}
