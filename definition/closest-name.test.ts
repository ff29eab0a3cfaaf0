import { expect, test } from '@jest/globals';
import { closestName } from './closest-name.js';

test.each([
  { reason: 'a letter too few', name: 'retri', candidates: ['title', 'retry'], meant: 'retry' },
  { reason: 'two letters changed places', name: 'laod', candidates: ['load', 'save'], meant: 'load' },
  { reason: 'another case', name: 'MaxParallel', candidates: ['maxParallel'], meant: 'maxParallel' },
  { reason: 'the nearest of several', name: 'epoch', candidates: ['epics', 'epochs'], meant: 'epochs' },
  { reason: 'nothing near', name: 'colour', candidates: ['needs', 'when'], meant: undefined },
  { reason: 'one letter is near to every other', name: 'b', candidates: ['a'], meant: undefined },
  { reason: 'nobody types that', name: 'x'.repeat(1000), candidates: ['x'.repeat(999)], meant: undefined },
])('$reason: $name', ({ name, candidates, meant }) => {
  expect(closestName(name, candidates)).toBe(meant);
});
