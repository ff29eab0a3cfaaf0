import { setImmediate as nextTurn } from 'node:timers/promises';

/** Does `work` for each item, spread over `turns` turns of the event loop at most, so that others come in between. */
export async function spreadOverTurns<Item>(
  items: readonly Item[],
  turns: number,
  work: (item: Item, index: number) => void,
): Promise<void> {
  const each = Math.ceil(items.length / turns);
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % each === 0) await nextTurn();
    work(item, index);
  }
}
