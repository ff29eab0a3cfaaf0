import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CallClass } from './call-budget.js';
import { CallSlots } from './call-slots.js';

describe('CallSlots', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** [class, when it asks in ms]; the one slot is given back again and again from 10 s on. */
  type Asks = [callClass: CallClass, at: number][];
  const rows: [reason: string, asks: Asks, order: number[]][] = [
    ['first come, first served within a class', [['read', 0], ['read', 1], ['read', 2]], [0, 1, 2]],
    ['intents pass looks, looks pass reads', [['read', 0], ['reconcile', 1], ['intent', 2]], [2, 1, 0]],
    ['an intent that came a second later does not', [['reconcile', 0], ['intent', 999], ['intent', 1_001]], [1, 0, 2]],
    ['nor does a look pass a read for ever', [['read', 0], ['reconcile', 499], ['reconcile', 501]], [1, 0, 2]],
  ]; // prettier-ignore
  test.each(rows)('%s', async (_reason, asks, order) => {
    const slots = new CallSlots(1);
    let release = await slots.take('intent', 0);
    const served: number[] = [];
    const begun = performance.now();
    for (const [index, [callClass, at]] of asks.entries()) {
      await jest.advanceTimersByTimeAsync(begun + at - performance.now());
      void slots.take(callClass, 60_000).then((next) => {
        served.push(index);
        release = next;
      });
    }
    for (let ended = 0; ended < asks.length; ended++) {
      release?.();
      await jest.advanceTimersByTimeAsync(0);
    }
    expect(served).toEqual(order);
  });

  test('so many are out at once, and one given back twice is one', async () => {
    const slots = new CallSlots(2);
    const first = await slots.take('read', 0);
    await slots.take('read', 0);
    first?.();
    first?.();
    expect(await slots.take('intent', 0)).toBeDefined();
    const none = slots.take('intent', 100);
    await jest.advanceTimersByTimeAsync(100);
    expect(await none).toBeUndefined();
  });

  test('who stopped waiting is given nothing', async () => {
    const slots = new CallSlots(1);
    const held = await slots.take('intent', 0);
    const gone = slots.take('intent', 10);
    const stays = slots.take('read', 10_000);
    await jest.advanceTimersByTimeAsync(10);
    expect(await gone).toBeUndefined();
    held?.();
    expect(await stays).toBeDefined();
  });
});
