import { expect, test } from '@jest/globals';
import { Slots } from './slots.js';

test('as many as there are slots go on at once, the others in their order', async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  const release = await slots.take();
  const second = slots.take().then((next) => {
    order.push('second');
    next?.();
  });
  const third = slots.take().then((next) => {
    order.push('third');
    next?.();
  });
  await Promise.resolve();
  expect(order).toEqual([]);
  release?.();
  await Promise.all([second, third]);
  expect(order).toEqual(['second', 'third']);
});

test('a slot that is given back twice is one slot', async () => {
  const slots = new Slots(1);
  const release = await slots.take();
  release?.();
  release?.();
  await slots.take();
  let taken = false;
  void slots.take().then(() => (taken = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBe(false);
});

test('who waits when it closes begins nothing', async () => {
  const slots = new Slots(1);
  await slots.take();
  const waiting = slots.take();
  slots.close();
  expect(await waiting).toBeUndefined();
  expect(await slots.take()).toBeUndefined();
});
