import { describe, expect, test } from '@jest/globals';
import { storableJson } from './storable-json.js';

describe('storableJson', () => {
  const rows: [reason: string, value: unknown, stored: unknown][] = [
    [
      'ordinary text is as it was',
      { a: ['é', '😀', '"', '\\', '\n', '\u0007'] },
      { a: ['é', '😀', '"', '\\', '\n', '\u0007'] },
    ],
    ['a zero character', 'a\u0000b', 'a\uFFFDb'],
    ['half of a pair', ['\ud83d', '\ude00x'], ['\uFFFD', '\uFFFDx']],
    ['in keys too', { 'k\u0000': 1 }, { 'k\uFFFD': 1 }],
    ['text that only looks like an escape', ['\\u0000', '\\\\u0000', '\\\u0000'], ['\\u0000', '\\\\u0000', '\\\uFFFD']],
  ];
  test.each(rows)('%s', (_reason, value, stored) => {
    expect(JSON.parse(storableJson(value))).toEqual(stored);
  });
});
