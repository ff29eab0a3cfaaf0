import { describe, expect, jest, test } from '@jest/globals';
import { Batches } from './batches.js';

/** A piece of work whose batches end when the test says so. */
function steered(): { seen: number[][]; finish: () => void; work: (inputs: number[]) => Promise<number[]> } {
  const seen: number[][] = [];
  const open: (() => void)[] = [];
  return {
    seen,
    finish: () => open.shift()?.(),
    work: async (inputs) => {
      seen.push(inputs);
      await new Promise<void>((resolve) => open.push(resolve));
      return inputs.map((input) => input * 10);
    },
  };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until so many batches have begun. */
async function begun(seen: number[][], count: number): Promise<void> {
  while (seen.length < count) await nextTurn();
}

describe('batches', () => {
  test('what is asked for in one turn goes out together, and each gets its own answer', async () => {
    const work = jest.fn(async (inputs: number[]) => inputs.map((input) => input * 10));
    const batches = new Batches(work, { size: 10, atOnce: 1 });
    expect(await Promise.all([batches.add(1), batches.add(2), batches.add(3)])).toEqual([10, 20, 30]);
    expect(work.mock.calls).toEqual([[[1, 2, 3]]]);
  });

  test('while as many as may be are under way the next one fills, up to its size', async () => {
    const { seen, finish, work } = steered();
    const batches = new Batches(work, { size: 2, atOnce: 1 });
    const first = batches.add(1);
    await begun(seen, 1);
    const rest = [2, 3, 4].map((input) => batches.add(input));
    await nextTurn();
    expect(seen).toEqual([[1]]);
    finish();
    expect(await first).toBe(10);
    await begun(seen, 2);
    expect(seen).toEqual([[1], [2, 3]]);
    finish();
    await begun(seen, 3);
    finish();
    expect(await Promise.all(rest)).toEqual([20, 30, 40]);
    expect(seen).toEqual([[1], [2, 3], [4]]);
  });

  test('another goes beside a batch that takes longer than it should', async () => {
    const { seen, finish, work } = steered();
    const batches = new Batches(work, { size: 10, atOnce: 2, besideAfterMs: 50 });
    const began = performance.now();
    const first = batches.add(1);
    await begun(seen, 1);
    const rest = [2, 3].map((input) => batches.add(input));
    await begun(seen, 2);
    expect(performance.now() - began).toBeGreaterThan(49);
    expect(seen).toEqual([[1], [2, 3]]);
    finish();
    finish();
    expect(await Promise.all([first, ...rest])).toEqual([10, 20, 30]);
  });

  test('and what waited goes out at once when that batch ends sooner', async () => {
    const { seen, finish, work } = steered();
    const batches = new Batches(work, { size: 10, atOnce: 2, besideAfterMs: 60_000 });
    const first = batches.add(1);
    await begun(seen, 1);
    const second = batches.add(2);
    await nextTurn();
    expect(seen).toEqual([[1]]);
    finish();
    await begun(seen, 2);
    finish();
    expect(await Promise.all([first, second])).toEqual([10, 20]);
  });

  test('a batch that stands still keeps none waiting that comes after those beside it', async () => {
    const seen: number[][] = [];
    const work = async (inputs: number[]): Promise<number[]> => {
      seen.push(inputs);
      if (inputs.includes(1)) await new Promise(() => undefined);
      return inputs;
    };
    const batches = new Batches(work, { size: 10, atOnce: 3, besideAfterMs: 200 });
    void batches.add(1);
    await begun(seen, 1);
    await batches.add(2);
    const began = performance.now();
    await batches.add(3);
    expect(performance.now() - began).toBeLessThan(150);
  });

  test('answers can be spread over turns, so that others come in between', async () => {
    const batches = new Batches(async (inputs: number[]) => inputs, { size: 10, atOnce: 1, turns: 2 });
    let turns = 0;
    let counts = true;
    const count = (): void => {
      turns += 1;
      if (counts) setImmediate(count);
    };
    count();
    const given = await Promise.all([1, 2, 3, 4].map((input) => batches.add(input).then(() => turns)));
    counts = false;
    expect(given[0]).toBe(given[1]);
    expect(given[2]).toBe(given[3]);
    expect(new Set(given).size).toBe(2);
  });

  test('an input that spoils its batch fails alone', async () => {
    const work = async (inputs: number[]): Promise<number[]> => {
      if (inputs.includes(2)) throw new Error('not 2');
      return inputs;
    };
    const batches = new Batches(work, { size: 10, atOnce: 1, mayBeOfOne: () => true });
    const answers = await Promise.allSettled([1, 2, 3].map((input) => batches.add(input)));
    expect(answers.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('an error that is nobody’s own is everybody’s, and nothing is tried again', async () => {
    const work = jest.fn(() => Promise.reject<number[]>(new Error('no connection')));
    const batches = new Batches(work, { size: 10, atOnce: 1, mayBeOfOne: () => false });
    const answers = await Promise.allSettled([1, 2].map((input) => batches.add(input)));
    expect(answers.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    expect(work).toHaveBeenCalledTimes(1);
  });
});
