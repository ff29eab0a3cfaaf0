import { Batches } from './batches.js';

/** Readings of one question under way, at most: a second one never waits, and with more of them few would share. */
const AT_ONCE = 2;

interface Open<Answer> {
  asked: number;
  readings: Batches<() => Promise<Answer>, Answer>;
}

/**
 * Whoever asks the same at the same moment gets one reading. It begins after all of them asked, so that none gets what was
 * true before its question; an answer is kept for nobody who asks later.
 */
export class SharedReads<Answer> {
  private readonly open = new Map<string, Open<Answer>>();

  /** `read` is called for the first of those who share. Throws what it throws, to all of them. */
  async ask(question: string, read: () => Promise<Answer>): Promise<Answer> {
    const open = this.open.get(question) ?? { asked: 0, readings: new Batches(readOnce<Answer>, OPTIONS) };
    this.open.set(question, open);
    open.asked += 1;
    try {
      return await open.readings.add(read);
    } finally {
      open.asked -= 1;
      if (open.asked === 0) this.open.delete(question);
    }
  }
}

const OPTIONS = { size: Infinity, atOnce: AT_ONCE };

async function readOnce<Answer>(reads: (() => Promise<Answer>)[]): Promise<Answer[]> {
  const [first] = reads;
  if (!first) return [];
  const answer = await first();
  return reads.map(() => answer);
}
