/** Everything the engine was asked and what it did about it: what the checkers of the fault tests count. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { EngineVerb } from './rules.js';

export interface JournalEntry {
  seq: number;
  /** Milliseconds since the epoch, of the engine's clock. */
  at: number;
  verb: EngineVerb;
  key?: string;
  /** `created`, `exists`, `stopped`, `cleared 2`, `dropped`, `answered 503`, ... */
  did: string;
  uid?: string;
  traceparent?: string;
}

const READS: readonly EngineVerb[] = [
  'version',
  'describe',
  'list-definitions',
  'list-born',
  'get',
  'list',
  'list-all',
  'tasks',
  'logs',
  'read-object',
  'hints',
];
/** Reads are many and say little: only the last of them are kept, all are counted. */
const READS_KEPT = 2_000;

export class Journal {
  #entries: JournalEntry[] = [];
  #reads: JournalEntry[] = [];
  #seq = 0;
  readonly #calls = new Map<EngineVerb, number>();
  readonly #created = new Map<string, number>();

  /** With a file, entries that change something are appended to it at once, and read back at the next start. */
  constructor(private readonly file?: string) {
    if (file === undefined || !existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      // A line that was being written when the process died.
      if (!line.endsWith('}')) continue;
      this.#take(JSON.parse(line) as JournalEntry);
    }
  }

  add(entry: Omit<JournalEntry, 'seq' | 'at'>): void {
    const full: JournalEntry = { seq: this.#seq + 1, at: Date.now(), ...entry };
    this.#take(full);
    if (this.file !== undefined && !READS.includes(full.verb)) appendFileSync(this.file, `${JSON.stringify(full)}\n`);
  }

  /** One more request of this verb arrived, whatever becomes of it. */
  arrived(verb: EngineVerb): void {
    this.#calls.set(verb, (this.#calls.get(verb) ?? 0) + 1);
  }

  /** Entries in order, those of one key or verb when asked. */
  entries(filter: { verb?: EngineVerb; key?: string } = {}): JournalEntry[] {
    return [...this.#entries, ...this.#reads]
      .filter((entry) => filter.verb === undefined || entry.verb === filter.verb)
      .filter((entry) => filter.key === undefined || entry.key === filter.key)
      .sort((a, b) => a.seq - b.seq);
  }

  /** Requests that arrived, by verb. */
  calls(): Partial<Record<EngineVerb, number>> {
    return Object.fromEntries(this.#calls);
  }

  /** Executions ever created, by key; those that were deleted since are counted too. */
  executions(): Record<string, number> {
    return Object.fromEntries(this.#created);
  }

  #take(entry: JournalEntry): void {
    this.#seq = Math.max(this.#seq, entry.seq);
    if (READS.includes(entry.verb)) {
      this.#reads.push(entry);
      if (this.#reads.length > 2 * READS_KEPT) this.#reads = this.#reads.slice(-READS_KEPT);
      return;
    }
    this.#entries.push(entry);
    if (entry.did === 'created' && entry.key !== undefined) {
      this.#created.set(entry.key, (this.#created.get(entry.key) ?? 0) + 1);
    }
  }
}
