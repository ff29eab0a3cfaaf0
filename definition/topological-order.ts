/** Edges by id: what each one needs. Ids that are not keys are ignored. */
export type Needs = ReadonlyMap<string, readonly string[]>;

/**
 * The ids so that each stands after all it needs, ties by id: equal graphs give equal orders.
 * Ids on or behind a cycle are left out.
 */
export function topologicalOrder(needs: Needs): string[] {
  const open = new Map<string, number>();
  const downstream = new Map<string, string[]>();
  for (const [id, upstream] of needs) {
    const known = new Set(upstream.filter((need) => needs.has(need)));
    open.set(id, known.size);
    for (const need of known) {
      const after = downstream.get(need);
      if (after === undefined) downstream.set(need, [id]);
      else after.push(id);
    }
  }
  // A level holds all ids whose needs are met; sorting inside levels keeps the order free of the file's.
  let level = [...needs.keys()].filter((id) => open.get(id) === 0).sort();
  const order: string[] = [];
  while (level.length > 0) {
    const next: string[] = [];
    for (const id of level) {
      order.push(id);
      for (const after of downstream.get(id) ?? []) {
        const left = (open.get(after) ?? 0) - 1;
        open.set(after, left);
        if (left === 0) next.push(after);
      }
    }
    level = next.sort();
  }
  return order;
}

/**
 * One cycle per knot, in the order of execution, closed and starting at its first id: `['a', 'b', 'a']`.
 * Works without recursion: a chain may have ten thousand links.
 */
export function findCycles(needs: Needs): string[][] {
  const finished = new Set<string>();
  const cycles: string[][] = [];
  const reported = new Set<string>();
  for (const start of [...needs.keys()].sort()) {
    const trail: { id: string; next: number }[] = [];
    const onTrail = new Map<string, number>();
    const enter = (id: string): void => {
      onTrail.set(id, trail.length);
      trail.push({ id, next: 0 });
    };
    if (!finished.has(start)) enter(start);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const need = (needs.get(top.id) ?? [])[top.next++];
      if (need === undefined) {
        finished.add(top.id);
        onTrail.delete(top.id);
        trail.pop();
      } else if (onTrail.has(need)) {
        const members = trail.slice(onTrail.get(need)).map(({ id }) => id);
        if (members.every((id) => !reported.has(id))) cycles.push(closed(members));
        members.forEach((id) => reported.add(id));
      } else if (needs.has(need) && !finished.has(need)) {
        enter(need);
      }
    }
  }
  return cycles;
}

/** The trail goes from a task to what it needs; people read arrows the way work flows. */
function closed(members: string[]): string[] {
  const flow = [...members].reverse();
  const first = flow.indexOf([...flow].sort()[0] ?? '');
  const rotated = [...flow.slice(first), ...flow.slice(0, first)];
  return [...rotated, ...rotated.slice(0, 1)];
}
