import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findCycles, topologicalOrder } from './topological-order.js';

const needs = (edges: Record<string, string[]>): Map<string, string[]> => new Map(Object.entries(edges));

describe('the order of tasks', () => {
  test('every task stands behind all it needs, whatever the graph', () => {
    // Edges from a larger to a smaller number cannot close a circle.
    const graph = fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { maxLength: 31 });
    fc.assert(
      fc.property(graph, (lists) => {
        const edges = new Map(
          lists.map((list, id) => [`t${id}`, list.filter((need) => need < id).map((need) => `t${need}`)]),
        );
        const order = topologicalOrder(edges);
        expect([...order].sort()).toEqual([...edges.keys()].sort());
        for (const [id, upstream] of edges) {
          for (const need of upstream) expect(order.indexOf(need)).toBeLessThan(order.indexOf(id));
        }
        expect(topologicalOrder(new Map([...edges].reverse()))).toEqual(order);
        expect(findCycles(edges)).toEqual([]);
      }),
    );
  });

  test('a chain of ten thousand tasks is neither slow nor too deep', () => {
    const chain = new Map(Array.from({ length: 10_000 }, (_, i) => [`t${i}`, i === 0 ? [] : [`t${i - 1}`]]));
    expect(topologicalOrder(chain).at(-1)).toBe('t9999');
    chain.set('t0', ['t9999']);
    expect(findCycles(chain)[0]).toHaveLength(10_001);
  });
});

test.each<{ reason: string; edges: Record<string, string[]>; cycles: string[] }>([
  { reason: 'two that wait for each other', edges: { a: ['b'], b: ['a'] }, cycles: ['a -> b -> a'] },
  { reason: 'three, in the order of execution', edges: { a: ['c'], b: ['a'], c: ['b'] }, cycles: ['a -> b -> c -> a'] },
  {
    reason: 'tasks behind a cycle are not part of it',
    edges: { a: ['b'], b: ['a'], c: ['b'] },
    cycles: ['a -> b -> a'],
  },
  { reason: 'tasks before it neither', edges: { z: [], a: ['b', 'z'], b: ['a'] }, cycles: ['a -> b -> a'] },
  {
    reason: 'two knots, two cycles',
    edges: { a: ['b'], b: ['a'], c: ['d'], d: ['c'] },
    cycles: ['a -> b -> a', 'c -> d -> c'],
  },
  { reason: 'unknown tasks are nobody', edges: { a: ['gone'] }, cycles: [] },
])('cycles: $reason', ({ edges, cycles }) => {
  expect(findCycles(needs(edges)).map((cycle) => cycle.join(' -> '))).toEqual(cycles);
});
