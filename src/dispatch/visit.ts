import { refold } from '../lifecycle/refold.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { isFinal } from '../lifecycle/run-state.js';
import type { RunToDrive, SubmissionParts } from '../lifecycle/run-store.js';
import type { Patch } from './after-call.js';
import type { Step } from './next-step.js';
import type { VisitStore } from './visit-store.js';

/** A record changed by somebody else between read and write is decided on again, this many times. */
const WRITE_ATTEMPTS = 5;

/** A run while it is driven: the newest record we know and the only way to write it. */
export class Visit {
  /** False once the lease was given back or taken over. */
  held = true;
  run: RunRecord;
  /** Whether the last write changed the row. */
  wrote = false;
  private readonly readAtMonotonic: number[];
  /** The moment of the wish that the step under way was planned for. */
  private wishAt: number;
  /** Whether the lease is stored: a run that was only read is anybody's until then. */
  private claimed: boolean;

  constructor(
    private readonly store: VisitStore,
    private readonly due: RunToDrive,
    private readonly lease: string,
    private readonly leaseMs: number,
    private readonly next: (run: RunRecord) => Step,
  ) {
    const { run } = due;
    this.run = run;
    this.readAtMonotonic = [performance.now(), run.readAt.getTime()];
    this.wishAt = run.desiredAt.getTime();
    this.claimed = due.unclaimed !== true;
  }

  /** The next thing to do for the record as it is known now. */
  plan(): Step {
    this.wishAt = this.run.desiredAt.getTime();
    return this.next(this.run);
  }

  /** Whether this is still what is to be done for a record as it is now. */
  isNext(run: RunRecord, step: Step['do']): boolean {
    return this.next(run).do === step;
  }

  lose(): void {
    this.held = false;
  }

  /** What the submit of the run carries, read where it did not come with the claim; undefined when the run is gone. */
  submissionParts(): Promise<SubmissionParts | undefined> {
    return this.due.parts ? Promise.resolve(this.due.parts) : this.store.submissionParts(this.run.id);
  }

  /** Reads the row again; false when it is no longer ours. */
  async refresh(): Promise<boolean> {
    const fresh = await this.store.read(this.run.id);
    if (!fresh || fresh.leaseToken !== this.lease || fresh.generation !== this.run.generation) this.held = false;
    if (fresh) this.take(fresh);
    return this.held;
  }

  /**
   * Applies `change` to the newest record and stores it; repeated on a fresh record when somebody else wrote meanwhile.
   * `undefined` from `change` = no longer wanted. The lease is given back in the same statement when nothing is due, or when
   * `dueInMs` says so (a wish that came meanwhile does not wait for it); `keep` holds on to it. `fenced`: only while the
   * lease is ours (facts are stored regardless, of a run that was ever ours).
   */
  async write(
    change: (run: RunRecord) => Patch | undefined,
    options: { dueInMs?: number; fenced?: boolean; keep?: boolean } = {},
  ): Promise<void> {
    this.wrote = false;
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
      const before = { ...this.run, readAt: this.now() };
      const patch = change(before);
      if (patch === undefined) return;
      const { record, events } = refold(before, { ...before, ...patch }, { type: 'STATE', source: 'adapter' });
      const after = this.isOfOthers(before) ? { ...record, ...planOf(before) } : this.release(before, record, options);
      const written = await this.store.move({ before, after, events });
      if (written) {
        this.wrote = true;
        this.claimed = true;
        this.held = after.leaseToken === this.lease;
        this.run = { ...after, version: before.version + 1, eventSeq: before.eventSeq + events.length };
        return;
      }
      const fresh = await this.store.read(before.id);
      const gone = !fresh || fresh.generation !== before.generation;
      const isFenced = options.fenced === true || !this.claimed;
      if (gone || (isFenced && fresh.leaseToken !== this.lease)) return this.lose();
      this.take(fresh);
    }
    throw new Error(`run ${this.run.id} is written by others all the time`);
  }

  /** It has ended, and whoever saw that has planned what is left to do; facts of ours change nothing about it. */
  private isOfOthers(before: RunRecord): boolean {
    return isFinal(before.state) && before.leaseToken !== this.lease;
  }

  private release(before: RunRecord, record: RunRecord, options: { dueInMs?: number; keep?: boolean }): RunRecord {
    if (record.leaseToken !== this.lease) return record;
    if (options.keep === true) return { ...record, leaseUntil: later(before, this.leaseMs) };
    if (options.dueInMs !== undefined) {
      const dueInMs = before.desiredAt.getTime() === this.wishAt ? options.dueInMs : 0;
      return { ...record, nextActionAt: later(before, dueInMs), leaseToken: null, leaseUntil: null };
    }
    const step = this.next(record);
    if (step.do !== 'rest') return { ...record, leaseUntil: later(before, this.leaseMs) };
    const lastError = step.reason
      ? { ...step.reason, at: record.lastError?.at ?? before.readAt.toISOString() }
      : record.lastError;
    const rested = {
      ...record,
      lastError,
      nextActionAt: step.dueInMs === null ? null : later(before, step.dueInMs),
      leaseToken: null,
      leaseUntil: null,
    };
    // The reason is part of what the fold shows.
    return { ...rested, stateReason: refold(record, rested, { type: 'STATE', source: 'adapter' }).record.stateReason };
  }

  private take(fresh: RunRecord): void {
    this.run = fresh;
    this.readAtMonotonic[0] = performance.now();
    this.readAtMonotonic[1] = fresh.readAt.getTime();
  }

  /** The database's clock, carried on by our monotonic one. */
  now(): Date {
    const [monotonic = 0, database = 0] = this.readAtMonotonic;
    return new Date(database + (performance.now() - monotonic));
  }
}

function planOf({ nextActionAt, leaseToken, leaseUntil }: RunRecord): Patch {
  return { nextActionAt, leaseToken, leaseUntil };
}

/** A moment `ms` after the record was read, on the database's clock. */
export function later(run: RunRecord, ms: number): Date {
  return new Date(run.readAt.getTime() + ms);
}
