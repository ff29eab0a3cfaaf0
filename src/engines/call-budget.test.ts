import { describe, expect, test } from '@jest/globals';
import { CALL_CLASSES, CallBudget, type CallClass } from './call-budget.js';

function taken(budget: CallBudget, callClass: CallClass): number {
  let count = 0;
  while (budget.tryTake(callClass)) count += 1;
  return count;
}

describe('CallBudget', () => {
  const rows: [reason: string, order: CallClass[], counts: number[]][] = [
    ['intents may empty it', ['intent'], [20]],
    ['reconciliation leaves a quarter to intents', ['reconcile', 'intent'], [15, 5]],
    ['reads leave a half', ['read', 'reconcile', 'intent'], [10, 5, 5]],
    ['what intents used up is gone for the others first', ['intent', 'reconcile', 'read'], [20, 0, 0]],
  ];
  test.each(rows)('%s', (_reason, order, counts) => {
    const budget = new CallBudget(10, 20, () => 0);
    expect(order.map((callClass) => taken(budget, callClass))).toEqual(counts);
  });

  test.each(CALL_CLASSES)('a %s call that waits as long as it is told gets through', (callClass) => {
    let now = 0;
    const budget = new CallBudget(10, 20, () => now);
    taken(budget, 'intent');
    const waitMs = budget.waitMs(callClass);
    expect(waitMs).toBeGreaterThan(0);
    now += waitMs - 2;
    expect(budget.tryTake(callClass)).toBe(false);
    now += 3;
    expect(budget.tryTake(callClass)).toBe(true);
  });

  test('time fills it to the brim and not beyond', () => {
    let now = 0;
    const budget = new CallBudget(10, 20, () => now);
    taken(budget, 'intent');
    now += 3_600_000;
    expect(taken(budget, 'intent')).toBe(20);
  });

  test.each([0.1, 0.5, 1])('at %d calls a second every class still gets its turn', (perSecond) => {
    for (const callClass of CALL_CLASSES) {
      expect(new CallBudget(perSecond, perSecond * 2, () => 0).tryTake(callClass)).toBe(true);
    }
  });
});
