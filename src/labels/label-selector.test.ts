import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_TERMS, MAX_VALUES, parseLabelSelector, requestedSelector, type LabelTerm } from './label-selector.js';

const READ: { text: string; terms: LabelTerm[]; reason: string }[] = [
  { text: '', terms: [], reason: 'nothing is asked, so everything is selected' },
  { text: 'team=ml', terms: [{ op: 'in', key: 'team', values: ['ml'] }], reason: 'equality is a set of one' },
  { text: 'team==ml', terms: [{ op: 'in', key: 'team', values: ['ml'] }], reason: 'both spellings of Kubernetes' },
  { text: 'team!=ml', terms: [{ op: 'not-in', key: 'team', values: ['ml'] }], reason: 'inequality is the complement' },
  { text: 'team=', terms: [{ op: 'in', key: 'team', values: [''] }], reason: 'a value may be empty' },
  { text: 'team', terms: [{ op: 'exists', key: 'team' }], reason: 'a key alone asks for any value' },
  { text: ' \t', terms: [], reason: 'blanks alone ask nothing' },
  { text: '\ta\t=\tb\t', terms: [{ op: 'in', key: 'a', values: ['b'] }], reason: 'a tab is a blank' },
  { text: 'a=","', terms: [{ op: 'in', key: 'a', values: [','] }], reason: 'a quoted comma is a value' },
  { text: 'a in (")",b)', terms: [{ op: 'in', key: 'a', values: [')', 'b'] }], reason: 'so is a parenthesis' },
  { text: 'a in (,b)', terms: [{ op: 'in', key: 'a', values: ['', 'b'] }], reason: 'an empty one comes first' },
  { text: 'a="="', terms: [{ op: 'in', key: 'a', values: ['='] }], reason: 'a quoted sign is a value' },
  {
    text: 'a=,b',
    terms: [
      { op: 'in', key: 'a', values: [''] },
      { op: 'exists', key: 'b' },
    ],
    reason: 'an empty value ends at the comma',
  },
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

const ESCAPES = 'after a backslash only a quote or a backslash is taken.';
const VALUES = 'a value is 0 to 255 printable characters.';
const numbers = (length: number): string => Array.from({ length }, (_, n) => n).join(',');

describe('a selector', () => {
  test.each(READ)('$text is read: $reason', ({ text, terms }) => {
    expect(parseLabelSelector(text)).toEqual({ ok: true, terms });
  });

  test.each([
    {
      text: 'team=ml,',
      position: 9,
      message: 'the text ends where a label key was expected.',
      reason: 'a comma promises a term',
    },
    {
      text: ',team',
      position: 1,
      message: '"," was found where a label key was expected.',
      reason: 'a term comes first',
    },
    {
      text: 'team ml',
      position: 6,
      message: '"ml" was found where "=", "!=", "in", "notin" or "," was expected.',
      reason: 'two words are no term',
    },
    {
      text: 'team=a b',
      position: 8,
      message: '"b" was found where "," or the end was expected.',
      reason: 'a value with a blank needs quotes',
    },
    {
      text: 'team=é',
      position: 6,
      message: 'put the value "é" in double quotes.',
      reason: 'a letter outside ASCII needs quotes',
    },
    { text: 'team="a', position: 6, message: 'the quote is not closed.', reason: 'the quote stays open' },
    { text: 'team="a\\n"', position: 9, message: ESCAPES, reason: 'there are two escapes' },
    { text: 'team="a\u0000"', position: 6, message: VALUES, reason: 'NUL is not printable' },
    { text: 'a>5', position: 2, message: '">" has no meaning here.', reason: 'no greater and less' },
    {
      text: 'stage in dev',
      position: 10,
      message: '"dev" was found where "(" was expected.',
      reason: 'a set has parentheses',
    },
    { text: 'stage in ()', position: 11, message: 'a set needs at least one value.', reason: 'a set has members' },
    {
      text: 'stage in (a',
      position: 12,
      message: 'the text ends where "," or ")" was expected.',
      reason: 'the set stays open',
    },
    { text: '!!a', position: 2, message: '"!" was found where a label key was expected.', reason: 'one negation' },
    { text: 'a/b/c', position: 1, message: '"a/b/c" is not a label key.', reason: 'one prefix' },
    {
      text: '"a"=b',
      position: 1,
      message: '"a" was found where a label key was expected.',
      reason: 'keys are never quoted',
    },
    {
      text: Array.from({ length: MAX_TERMS + 1 }, (_, n) => `k${n}`).join(','),
      position: 119,
      message: 'at most 32 terms are taken.',
      reason: 'one term too many',
    },
    { text: 'team=aé', position: 6, message: 'put the value "aé" in double quotes.', reason: 'nor at its end' },
    { text: 'team=éa', position: 6, message: 'put the value "éa" in double quotes.', reason: 'nor at its start' },
    { text: 'team="a\\', position: 9, message: ESCAPES, reason: 'a backslash promises something' },
    { text: `team=${'v'.repeat(256)}`, position: 6, message: VALUES, reason: 'a bare value has a length, too' },
    {
      text: 'a in "(" b)',
      position: 6,
      message: '"(" was found where "(" was expected.',
      reason: 'a quoted parenthesis is a value',
    },
    {
      text: 'a in b,c)',
      position: 6,
      message: '"b" was found where "(" was expected.',
      reason: 'the set is not open',
    },
    {
      text: 'a in (b c)',
      position: 9,
      message: '"c" was found where "," or ")" was expected.',
      reason: 'members are joined by commas',
    },
    {
      text: 'a in =b)',
      position: 6,
      message: '"=" was found where "(" was expected.',
      reason: 'another sign opens no set',
    },
    {
      text: 'a in (b=c)',
      position: 8,
      message: '"=" was found where "," or ")" was expected.',
      reason: 'another sign joins no members',
    },
    {
      text: 'a in (b ")"',
      position: 9,
      message: '")" was found where "," or ")" was expected.',
      reason: 'a quoted parenthesis closes nothing',
    },
    {
      text: 'a in (b "," c)',
      position: 9,
      message: '"," was found where "," or ")" was expected.',
      reason: 'a quoted comma joins no members',
    },
    {
      text: 'a "," b',
      position: 3,
      message: '"," was found where "," or the end was expected.',
      reason: 'a quoted comma joins no terms',
    },
    {
      text: 'a "in" (b)',
      position: 3,
      message: '"in" was found where "," or the end was expected.',
      reason: 'a quoted word is no operator',
    },
    {
      text: 'a "=" b',
      position: 3,
      message: '"=" was found where "," or the end was expected.',
      reason: 'a quoted sign is no operator',
    },
    {
      text: '"!" a',
      position: 1,
      message: '"!" was found where a label key was expected.',
      reason: 'a quoted sign negates nothing',
    },
    {
      text: 'a into (b)',
      position: 3,
      message: '"into" was found where "=", "!=", "in", "notin" or "," was expected.',
      reason: 'an operator is a whole word',
    },
    { text: '!', position: 2, message: 'the text ends where a label key was expected.', reason: 'nothing is negated' },
    { text: 'a=!', position: 3, message: '"!" was found where a value was expected.', reason: 'a sign is no value' },
    { text: 'a===b', position: 4, message: '"=" was found where a value was expected.', reason: 'two signs at most' },
    {
      text: 'a=b!',
      position: 4,
      message: '"!" was found where "," or the end was expected.',
      reason: 'a bare value ends at a sign',
    },
    { text: 'a\nb', position: 2, message: '"\\n" has no meaning here.', reason: 'a line break is no blank' },
    {
      text: 'é'.repeat(40),
      position: 1,
      message: `"${'é'.repeat(40)}" is not a label key.`,
      reason: 'forty characters are repeated whole',
    },
    {
      text: 'é'.repeat(41),
      position: 1,
      message: `"${'é'.repeat(40)}..." is not a label key.`,
      reason: 'more are cut',
    },
  ])('$text is refused at $position: $reason', ({ text, position, message }) => {
    expect(parseLabelSelector(text)).toEqual({ ok: false, position, message });
  });

  test('has up to 32 terms and 500 values', () => {
    const keys = Array.from({ length: MAX_TERMS }, (_, n) => `k${n}`);
    expect(parseLabelSelector(keys.join(','))).toEqual({ ok: true, terms: keys.map((key) => ({ op: 'exists', key })) });
    const values = numbers(MAX_VALUES).split(',');
    expect(parseLabelSelector(`a in (${values.join(',')})`)).toEqual({
      ok: true,
      terms: [{ op: 'in', key: 'a', values }],
    });
    const message = 'at most 500 values are taken.';
    const tooMany = `a in (${numbers(MAX_VALUES + 1)})`;
    expect(parseLabelSelector(tooMany)).toEqual({ ok: false, position: tooMany.indexOf('500') + 1, message });
    const overTwoTerms = `a in (${numbers(MAX_VALUES)}),b=c`;
    expect(parseLabelSelector(overTwoTerms)).toEqual({ ok: false, position: overTwoTerms.length, message });
  });

  test('that is no text is a mistake of ours, never an answer', () => {
    expect(() => parseLabelSelector(null as never)).toThrow(TypeError);
  });

  test('that can be read is its terms', () => {
    expect(requestedSelector('team', { pointer: '/selector' })).toEqual([{ op: 'exists', key: 'team' }]);
  });

  test('that cannot be read is a 422 naming parameter and position', () => {
    expect(() => requestedSelector('team=ml,', { parameter: 'label_selector' })).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        message: 'The label selector cannot be read.',
        errors: [
          {
            parameter: 'label_selector',
            code: 'bad-selector',
            message: 'At character 9: the text ends where a label key was expected.',
          },
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
    const sign = fc.constantFrom(...' =!(),"\\<>aé');
    const any = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code));
    fc.assert(
      fc.property(fc.string({ unit: fc.oneof(sign, any) }), (text) => {
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
