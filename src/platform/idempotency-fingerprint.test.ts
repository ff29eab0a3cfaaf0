import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { fingerprint, lockKey, type RequestIdentity } from './idempotency-fingerprint.js';

const base: RequestIdentity = {
  operation: 'createWorkflowRun',
  pathParams: { title: 'etl', version: '1' },
  body: { a: 1, b: [1, 2, { c: 'x' }] },
};

const rows: { reason: string; other: RequestIdentity; same: boolean }[] = [
  {
    reason: 'the order of keys is no difference',
    other: { ...base, body: { b: [1, 2, { c: 'x' }], a: 1 } },
    same: true,
  },
  {
    reason: 'nor is that of path parameters',
    other: { ...base, pathParams: { version: '1', title: 'etl' } },
    same: true,
  },
  {
    reason: '1 and 1.0 are the same number',
    other: { ...base, body: JSON.parse('{"a":1.0,"b":[1,2,{"c":"x"}]}') },
    same: true,
  },
  { reason: 'another operation', other: { ...base, operation: 'createWorkflow' }, same: false },
  { reason: 'another path', other: { ...base, pathParams: { title: 'etl', version: '2' } }, same: false },
  { reason: 'another value', other: { ...base, body: { a: 2, b: [1, 2, { c: 'x' }] } }, same: false },
  { reason: 'a number is not its text', other: { ...base, body: { a: '1', b: [1, 2, { c: 'x' }] } }, same: false },
  { reason: 'the order of a list counts', other: { ...base, body: { a: 1, b: [2, 1, { c: 'x' }] } }, same: false },
  { reason: 'null is not absent', other: { ...base, body: { a: 1, b: [1, 2, { c: 'x' }], d: null } }, same: false },
  { reason: 'no body at all', other: { operation: base.operation, pathParams: base.pathParams }, same: false },
];
test.each(rows)('$reason: same = $same', ({ other, same }) => {
  expect(fingerprint(other) === fingerprint(base)).toBe(same);
});

test('a body of null and no body are two requests', () => {
  expect(fingerprint({ operation: 'x', pathParams: {} })).not.toBe(
    fingerprint({ operation: 'x', pathParams: {}, body: null }),
  );
});

test('a fingerprint is 64 hexadecimal digits, the same in every release', () => {
  expect(fingerprint({ operation: 'x', pathParams: {} })).toBe(createHash('sha256').update('["x",{}]').digest('hex'));
});

test('a lock is that of the project and the key', () => {
  const digest = createHash('sha256').update('default\nkey-1').digest();
  expect(lockKey('default', 'key-1')).toBe(digest.readBigInt64BE().toString());
});

test('the lock uses all 64 bits, sign included, and tells project and key apart', () => {
  const keys = Array.from({ length: 2_000 }, (_, n) => BigInt(lockKey('default', `key-${n}`)));
  expect(new Set(keys).size).toBe(2_000);
  expect(keys.some((key) => key < 0n)).toBe(true);
  expect(keys.some((key) => key > 2n ** 62n)).toBe(true);
  expect(keys.every((key) => key >= -(2n ** 63n) && key < 2n ** 63n)).toBe(true);
  expect(lockKey('ab', 'c')).not.toBe(lockKey('a', 'bc'));
});
