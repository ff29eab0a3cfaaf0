import { describe, expect, test } from '@jest/globals';
import { SharedReads } from './shared-reads.js';

/** Readings that end when the test says so, each with the number of its beginning. */
function steered(): { begun: () => number; end: (error?: Error) => void; read: () => Promise<number> } {
  let begun = 0;
  const open: ((error?: Error) => void)[] = [];
  return {
    begun: () => begun,
    end: (error) => open.shift()?.(error),
    read: () => {
      const number = (begun += 1);
      return new Promise((resolve, reject) => open.push((error) => (error ? reject(error) : resolve(number))));
    },
  };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn();
}

describe('shared reads', () => {
  test('who asks the same in one turn shares a reading', async () => {
    const shared = new SharedReads<number>();
    const { begun, end, read } = steered();
    const answers = [shared.ask('a', read), shared.ask('a', read), shared.ask('a', read)];
    await until(() => begun() > 0);
    end();
    expect(await Promise.all(answers)).toEqual([1, 1, 1]);
    expect(begun()).toBe(1);
  });

  test('who asks after a reading began gets a later one', async () => {
    const shared = new SharedReads<number>();
    const { begun, end, read } = steered();
    const first = shared.ask('a', read);
    await until(() => begun() === 1);
    const second = shared.ask('a', read);
    await until(() => begun() === 2);
    const rest = [shared.ask('a', read), shared.ask('a', read)];
    await nextTurn();
    expect(begun()).toBe(2);
    end();
    expect(await first).toBe(1);
    await until(() => begun() === 3);
    end();
    end();
    expect(await second).toBe(2);
    expect(await Promise.all(rest)).toEqual([3, 3]);
  });

  test('other questions neither share nor wait', async () => {
    const shared = new SharedReads<number>();
    const { begun, end, read } = steered();
    const answers = ['a', 'b', 'c', 'd'].map((question) => shared.ask(question, read));
    await until(() => begun() === 4);
    for (let at = 0; at < 4; at += 1) end();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4]);
  });

  test('nothing is kept for who asks later', async () => {
    const shared = new SharedReads<number>();
    let value = 1;
    expect(await shared.ask('a', () => Promise.resolve(value))).toBe(1);
    value = 2;
    expect(await shared.ask('a', () => Promise.resolve(value))).toBe(2);
  });

  test('an error is of those who shared it alone', async () => {
    const shared = new SharedReads<number>();
    const { begun, end, read } = steered();
    const answers = [shared.ask('a', read), shared.ask('a', read)];
    await until(() => begun() === 1);
    const later = shared.ask('a', read);
    await until(() => begun() === 2);
    end(new Error('broken'));
    end();
    for (const answer of answers) await expect(answer).rejects.toThrow('broken');
    expect(await later).toBe(2);
  });
});
