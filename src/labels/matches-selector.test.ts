import { expect, test } from '@jest/globals';
import { parseLabelSelector } from './label-selector.js';
import { matchesSelector } from './matches-selector.js';

const LABELS = [
  { key: 'tag', value: 'nightly' },
  { key: 'tag', value: 'team:ml' },
  { key: 'stage', value: '' },
];

test.each([
  { selector: '', holds: true, reason: 'no terms select everything' },
  { selector: 'tag=nightly', holds: true, reason: 'one of the values is it' },
  { selector: 'tag="team:ml"', holds: true, reason: 'so is the other' },
  { selector: 'tag=weekly', holds: false, reason: 'no value is it' },
  { selector: 'tag!=nightly', holds: false, reason: 'the exact complement, whatever other values there are' },
  { selector: 'tag!=weekly', holds: true, reason: 'no value is it' },
  { selector: 'team!=ml', holds: true, reason: 'an absent key has no value' },
  { selector: 'tag in (weekly,nightly)', holds: true, reason: 'a value is in the set' },
  { selector: 'tag notin (weekly,nightly)', holds: false, reason: 'a value is in the set' },
  { selector: 'stage=', holds: true, reason: 'the empty value is a value' },
  { selector: 'stage', holds: true, reason: 'there is a value' },
  { selector: '!stage', holds: false, reason: 'there is a value' },
  { selector: '!team', holds: true, reason: 'there is none' },
  { selector: 'tag=nightly,!stage', holds: false, reason: 'every term has to hold' },
])('$selector is $holds: $reason', ({ selector, holds }) => {
  const parsed = parseLabelSelector(selector);
  if (!parsed.ok) throw new Error(parsed.message);
  expect(matchesSelector(parsed.terms, LABELS)).toBe(holds);
});
