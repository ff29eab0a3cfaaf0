import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { toRefusal } from './to-refusal.js';

describe('toRefusal', () => {
  const rows: [reason: string, body: Json, expected: object][] = [
    ['argo-server says so itself', { code: 5, message: 'no x' }, { absent: true, message: 'no x' }],
    [
      'streams have another shape',
      { error: { grpc_code: 5, http_code: 404, message: 'no x' } },
      { absent: true, message: 'no x' },
    ],
    [
      'the Kubernetes API names the reason, whatever its code',
      { kind: 'Status', reason: 'NotFound', message: 'no x', code: 404 },
      { absent: true, message: 'no x' },
    ],
    ['a status with another reason', { kind: 'Status', reason: 'Forbidden', code: 5 }, { absent: false }],
    [
      'a path that argo-server does not have',
      { code: 12, message: 'Not Implemented' },
      { absent: false, message: 'Not Implemented' },
    ],
    ['the name is taken', { code: 6, message: 'already exists' }, { absent: false, message: 'already exists' }],
    ['a message that is no text is none', { code: 5, message: 7 }, { absent: true }],
    ["a list is not the engine's", [5], { absent: false }],
    ["nothing is not the engine's", null, { absent: false }],
    ['an error that is a text', { error: 'not found' }, { absent: false }],
  ];
  test.each(rows)('%s', (_reason, body, expected) => {
    expect(toRefusal(body)).toEqual(expected);
  });
});
