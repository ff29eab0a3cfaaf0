import { expect, test } from '@jest/globals';
import { CliError } from './cli-error.js';
import { readLabels } from './label-arguments.js';

test('labels are KEY=VALUE, and a key may repeat', () => {
  expect(readLabels(['a=1', 'a=2', 'b='])).toEqual([
    { key: 'a', value: '1' },
    { key: 'a', value: '2' },
    { key: 'b', value: '' },
  ]);
  expect(() => readLabels(['a'])).toThrow(CliError);
});
