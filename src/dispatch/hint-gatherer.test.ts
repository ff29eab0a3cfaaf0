import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HintGatherer } from './hint-gatherer.js';

let looks: string[][];
let busy: boolean;
let end: () => void;
let gatherer: HintGatherer;

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `key-${index}`);
}

describe('HintGatherer', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    looks = [];
    busy = false;
    gatherer = new HintGatherer({
      isBusy: () => busy,
      look: (gathered) => {
        looks.push(gathered);
        return new Promise((resolve) => (end = resolve));
      },
    });
  });
  afterEach(async () => {
    end();
    await gatherer.stop();
    jest.useRealTimers();
  });

  test('what comes within a moment is one look, each run once', async () => {
    for (const key of ['a', 'b', 'a']) gatherer.add(key);
    await jest.advanceTimersByTimeAsync(30);
    expect(looks).toEqual([['a', 'b']]);
  });

  test('what comes during a look is the next one', async () => {
    gatherer.add('a');
    await jest.advanceTimersByTimeAsync(30);
    gatherer.add('a');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(looks).toHaveLength(1);
    end();
    await jest.advanceTimersByTimeAsync(30);
    expect(looks).toEqual([['a'], ['a']]);
  });

  test('while runs wait for the engine a few are looked at a second, and the rest once none waits', async () => {
    busy = true;
    for (const key of keys(100)) gatherer.add(key);
    await jest.advanceTimersByTimeAsync(999);
    expect(looks).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(looks.map((look) => look.length)).toEqual([2]);
    busy = false;
    end();
    await jest.advanceTimersByTimeAsync(30);
    expect(looks.map((look) => look.length)).toEqual([2, 98]);
    expect(new Set(looks.flat()).size).toBe(100);
  });

  test('hints without end are not remembered without end', async () => {
    busy = true;
    for (const key of keys(20_000)) gatherer.add(key);
    await jest.advanceTimersByTimeAsync(1_000);
    busy = false;
    end();
    await jest.advanceTimersByTimeAsync(30);
    expect(looks.flat()).toHaveLength(10_000);
  });

  test('after its stop nothing is looked at any more', async () => {
    gatherer.add('a');
    await gatherer.stop();
    gatherer.add('b');
    await jest.advanceTimersByTimeAsync(2_000);
    expect(looks).toEqual([]);
    end = () => undefined;
  });
});
