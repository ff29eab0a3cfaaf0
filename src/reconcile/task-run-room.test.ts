import { expect, test } from '@jest/globals';
import { TaskRunRoom, Widths } from './task-run-room.js';

/** Names in the order in which they found room, as far as anybody leaves by itself. */
function visitors(room: TaskRunRoom): { come(name: string, width: number): void; inside: Map<string, () => void> } {
  const inside = new Map<string, () => void>();
  const come = (name: string, width: number): void =>
    void room.take(width).then((leave) =>
      inside.set(name, () => {
        inside.delete(name);
        leave();
      }),
    );
  return { come, inside };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('many narrow ones are in at once, wide ones wait until there is room for them', async () => {
  const { come, inside } = visitors(new TaskRunRoom(10));
  for (const name of ['a', 'b', 'c', 'd']) come(name, 3);
  await settled();
  expect([...inside.keys()]).toEqual(['a', 'b', 'c']);
  inside.get('b')?.();
  await settled();
  expect([...inside.keys()]).toEqual(['a', 'c', 'd']);
});

test('one that is wider than all the room is in alone', async () => {
  const { come, inside } = visitors(new TaskRunRoom(10));
  come('narrow', 1);
  come('wide', 50);
  come('behind', 1);
  await settled();
  expect([...inside.keys()]).toEqual(['narrow']);
  inside.get('narrow')?.();
  await settled();
  expect([...inside.keys()]).toEqual(['wide']);
  inside.get('wide')?.();
  await settled();
  expect([...inside.keys()]).toEqual(['behind']);
});

test('a workflow is as wide as its execution that was read last, and unknown until then', () => {
  const widths = new Widths();
  expect(widths.of(7)).toBe(500);
  widths.note(7, 3);
  widths.note(7, 4);
  expect([widths.of(7), widths.of(8)]).toEqual([4, 500]);
});

test('no more widths are remembered than there is memory for', () => {
  const widths = new Widths();
  for (let id = 0; id < 10_001; id++) widths.note(id, 1);
  expect([widths.of(0), widths.of(10_000)]).toEqual([500, 1]);
});
