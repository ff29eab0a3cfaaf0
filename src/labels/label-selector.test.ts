import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_TERMS, parseLabelSelector, requestedSelector, type LabelTerm } from './label-selector.js';

const READ: { text: string; terms: LabelTerm[]; reason: string }[] = [
  { text: '', terms: [], reason: 'nothing is asked, so everything is selected' },
  { text: 'team=ml', terms: [{ op: 'in', key: 'team', values: ['ml'] }], reason: 'equality is a set of one' },
  { text: 'team==ml', terms: [{ op: 'in', key: 'team', values: ['ml'] }], reason: 'both spellings of Kubernetes' },
  { text: 'team!=ml', terms: [{ op: 'not-in', key: 'team', values: ['ml'] }], reason: 'inequality is the complement' },
  { text: 'team=', terms: [{ op: 'in', key: 'team', values: [''] }], reason: 'a value may be empty' },
  { text: 'team', terms: [{ op: 'exists', key: 'team' }], reason: 'a key alone asks for any value' },
  { text: ' ! team ', terms: [{ op: 'absent', key: 'team' }], reason: 'blanks mean nothing' },
  {
    text: 'stage in (dev, test,dev)',
    terms: [{ op: 'in', key: 'stage', values: ['dev', 'test'] }],
    reason: 'a value twice is a value once',
  },
  {
    text: 'stage notin (a,)',
    terms: [{ op: 'not-in', key: 'stage', values: ['a', ''] }],
    reason: 'an empty one in a set',
  },
  { text: 'in in (in)', terms: [{ op: 'in', key: 'in', values: ['in'] }], reason: 'words are keys by their place' },
  {
    text: 'example.org/team="data science, \\"A\\" \\\\ é"',
    terms: [{ op: 'in', key: 'example.org/team', values: ['data science, "A" \\ é'] }],
    reason: 'quotes carry what the grammar would eat',
  },
  {
    text: 'team=ml,stage in (dev,test),!archived',
    terms: [
      { op: 'in', key: 'team', values: ['ml'] },
      { op: 'in', key: 'stage', values: ['dev', 'test'] },
      { op: 'absent', key: 'archived' },
    ],
    reason: 'terms are joined by commas',
  },
];

describe('a selector', () => {
  test.each(READ)('$text is read: $reason', ({ text, terms }) => {
    expect(parseLabelSelector(text)).toEqual({ ok: true, terms });
  });

  test.each([
    { text: 'team=ml,', position: 9, reason: 'a comma promises a term' },
    { text: ',team', position: 1, reason: 'a term comes first' },
    { text: 'team ml', position: 6, reason: 'two words are no term' },
    { text: 'team=a b', position: 8, reason: 'a value with a blank needs quotes' },
    { text: 'team=é', position: 6, reason: 'a letter outside ASCII needs quotes' },
    { text: 'team="a', position: 6, reason: 'the quote stays open' },
    { text: 'team="a\\n"', position: 9, reason: 'there are two escapes' },
    { text: 'team="a\u0000"', position: 6, reason: 'NUL is not printable' },
    { text: 'a>5', position: 2, reason: 'no greater and less' },
    { text: 'stage in dev', position: 10, reason: 'a set has parentheses' },
    { text: 'stage in ()', position: 11, reason: 'a set has members' },
    { text: 'stage in (a', position: 12, reason: 'the set stays open' },
    { text: '!!a', position: 2, reason: 'one negation' },
    { text: 'a/b/c', position: 1, reason: 'one prefix' },
    { text: '"a"=b', position: 1, reason: 'keys are never quoted' },
    {
      text: Array.from({ length: MAX_TERMS + 1 }, (_, n) => `k${n}`).join(','),
      position: 119,
      reason: 'one term too many',
    },
  ])('$text is refused at $position: $reason', ({ text, position }) => {
    expect(parseLabelSelector(text)).toMatchObject({ ok: false, position });
  });

  test('that cannot be read is a 422 naming parameter and position', () => {
    expect(() => requestedSelector('team=ml,', { parameter: 'label_selector' })).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        errors: [
          expect.objectContaining({ parameter: 'label_selector', message: expect.stringContaining('character 9') }),
        ],
      }),
    );
  });

  test('comes back from its own text, whatever the values hold', () => {
    const key = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });
    const term = fc.oneof(
      fc.record({
        op: fc.constantFrom('in' as const, 'not-in' as const),
        key,
        values: fc.uniqueArray(value, { minLength: 1, maxLength: 4 }),
      }),
      fc.record({ op: fc.constantFrom('exists' as const, 'absent' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(term, { maxLength: 8 }), (terms) => {
        expect(parseLabelSelector(terms.map(write).join(' , '))).toEqual({ ok: true, terms });
      }),
    );
  });

  test('of any text at all is read or refused, and never breaks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parsed = parseLabelSelector(text);
        if (!parsed.ok) {
          expect(parsed.position).toBeGreaterThan(0);
          expect(parsed.position).toBeLessThanOrEqual(text.length + 1);
        }
      }),
    );
  });
});

function write(term: LabelTerm): string {
  switch (term.op) {
    case 'in':
    case 'not-in': {
      const quoted = term.values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
      return `${term.key} ${term.op === 'in' ? 'in' : 'notin'} (${quoted.join(', ')})`;
    }
    case 'exists':
      return term.key;
    case 'absent':
      return `! ${term.key}`;
  }
}
