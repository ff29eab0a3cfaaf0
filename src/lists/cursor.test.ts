import { describe, expect, test } from '@jest/globals';
import { decodeCursor, encodeCursor, type CursorScope, type PositionKind } from './cursor.js';

const scope: CursorScope = {
  list: 'workflow-runs',
  project: 'default',
  order: 'id desc',
  filters: { state: ['RUNNING'], external_id: undefined },
};

const NO_CURSOR = expect.objectContaining({
  code: 'validation-failed',
  errors: [{ parameter: 'cursor', code: 'bad-cursor', message: 'It is not a cursor of this service.' }],
}) as unknown as Error;

const forged = (parts: unknown[]): string => Buffer.from(JSON.stringify(parts)).toString('base64url');

describe('a cursor', () => {
  const cursor = encodeCursor(scope, ['2026-01-01T00:00:00.000001Z', 7]);
  const digest: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))[1];

  test('gives its position back to the same list', () => {
    expect(decodeCursor(cursor, scope, ['text', 'bigint'])).toEqual(['2026-01-01T00:00:00.000001Z', 7]);
  });

  test('holds its form, a short digest of the list, and the position', () => {
    expect(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))).toEqual([
      1,
      expect.stringMatching(/^[0-9a-f]{16}$/),
      '2026-01-01T00:00:00.000001Z',
      7,
    ]);
  });

  test('is taken up to 2000 characters', () => {
    const text = 'x'.repeat(1500 - Buffer.from(encodeCursor(scope, ['', 7]), 'base64url').length);
    const longest = encodeCursor(scope, [text, 7]);
    expect(longest).toHaveLength(2000);
    expect(decodeCursor(longest, scope, ['text', 'bigint'])).toEqual([text, 7]);
    expect(() => decodeCursor(encodeCursor(scope, [`${text}x`, 7]), scope, ['text', 'bigint'])).toThrow(NO_CURSOR);
  });

  test.each([
    { reason: 'another project', other: { ...scope, project: 'other' } },
    { reason: 'another order', other: { ...scope, order: 'id asc' } },
    { reason: 'another filter', other: { ...scope, filters: { state: ['FAILED'] } } },
    { reason: 'one more filter', other: { ...scope, filters: { ...scope.filters, external_id: 'x' } } },
    { reason: 'another list', other: { ...scope, list: 'workflows' } },
  ])('is refused for $reason', ({ other }) => {
    expect(() => decodeCursor(cursor, other, ['text', 'bigint'])).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        message: 'The cursor cannot be used.',
        errors: [
          {
            parameter: 'cursor',
            code: 'bad-cursor',
            message: 'It belongs to a list with another project, order or filter.',
          },
        ],
      }),
    );
  });

  test.each([
    { reason: 'no base64url', text: '%%%' },
    { reason: 'no JSON', text: Buffer.from('[1,').toString('base64url') },
    { reason: 'a sign before it', text: `!${cursor}` },
    { reason: 'a sign after it', text: `${cursor}!` },
    { reason: 'no list', text: Buffer.from('{}').toString('base64url') },
    { reason: 'an unknown form', text: Buffer.from('[2,"x",1]').toString('base64url') },
    { reason: 'the form before this one', text: forged([0, digest, 'x', 1]) },
    { reason: 'a digest that is no text', text: forged([1, 7, 'x', 1]) },
    { reason: 'far too long', text: 'a'.repeat(5000) },
    { reason: 'other types inside', text: encodeCursor(scope, [7, 'x']) },
    { reason: 'a fraction for an id', text: encodeCursor(scope, ['x', 1.5]) },
    { reason: 'a NUL that no database takes', text: encodeCursor(scope, ['\0', 1]) },
    { reason: 'too few entries', text: encodeCursor(scope, ['x']) },
    { reason: 'too many entries', text: encodeCursor(scope, ['x', 1, 2]) },
  ])('is refused with $reason', ({ text }) => {
    expect(() => decodeCursor(text, scope, ['text', 'bigint'])).toThrow(NO_CURSOR);
  });

  test.each<{ kind: PositionKind; taken: (string | number)[]; refused: (string | number)[] }>([
    { kind: 'text', taken: ['', 'x'], refused: [1, 'a\0b'] },
    {
      kind: 'time',
      taken: ['2026-01-01T00:00:00.000001Z'],
      refused: [1, 'x', '2026-02-30T00:00:00Z', "2026-01-01T00:00:00Z'", 'infinity'],
    },
    { kind: 'int', taken: [-1, 2_147_483_647], refused: ['1', 1.5, 2_147_483_648, -2_147_483_649] },
    { kind: 'bigint', taken: [0, 9_007_199_254_740_991], refused: ['1', 1.5, 1e300] },
  ])('holds a position of $kind that the database takes', ({ kind, taken, refused }) => {
    for (const entry of taken) expect(decodeCursor(encodeCursor(scope, [entry]), scope, [kind])).toEqual([entry]);
    for (const entry of refused)
      expect(() => decodeCursor(encodeCursor(scope, [entry]), scope, [kind])).toThrow(NO_CURSOR);
  });
});
