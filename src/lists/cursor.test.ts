import { describe, expect, test } from '@jest/globals';
import { decodeCursor, encodeCursor, type CursorScope } from './cursor.js';

const scope: CursorScope = {
  list: 'workflow-runs',
  project: 'default',
  order: 'id desc',
  filters: { state: ['RUNNING'], external_id: undefined },
};

describe('a cursor', () => {
  const cursor = encodeCursor(scope, ['2026-01-01T00:00:00.000001Z', 7]);

  test('gives its position back to the same list', () => {
    expect(decodeCursor(cursor, scope, ['string', 'number'])).toEqual(['2026-01-01T00:00:00.000001Z', 7]);
  });

  test.each([
    { reason: 'another project', other: { ...scope, project: 'other' } },
    { reason: 'another order', other: { ...scope, order: 'id asc' } },
    { reason: 'another filter', other: { ...scope, filters: { state: ['FAILED'] } } },
    { reason: 'one more filter', other: { ...scope, filters: { ...scope.filters, external_id: 'x' } } },
    { reason: 'another list', other: { ...scope, list: 'workflows' } },
  ])('is refused for $reason', ({ other }) => {
    expect(() => decodeCursor(cursor, other, ['string', 'number'])).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        errors: [expect.objectContaining({ parameter: 'cursor' })],
      }),
    );
  });

  test.each([
    { reason: 'no base64url', text: '%%%' },
    { reason: 'no JSON', text: Buffer.from('[1,').toString('base64url') },
    { reason: 'no list', text: Buffer.from('{}').toString('base64url') },
    { reason: 'an unknown form', text: Buffer.from('[2,"x",1]').toString('base64url') },
    { reason: 'far too long', text: 'a'.repeat(5000) },
    { reason: 'other types inside', text: encodeCursor(scope, [7, 'x']) },
    { reason: 'a fraction for an id', text: encodeCursor(scope, ['x', 1.5]) },
    { reason: 'a NUL that no database takes', text: encodeCursor(scope, ['\0', 1]) },
    { reason: 'too many entries', text: encodeCursor(scope, ['x', 1, 2]) },
  ])('is refused with $reason', ({ text }) => {
    expect(() => decodeCursor(text, scope, ['string', 'number'])).toThrow(
      expect.objectContaining({ code: 'validation-failed' }),
    );
  });
});
