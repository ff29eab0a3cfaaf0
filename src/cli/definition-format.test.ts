import { describe, expect, test } from '@jest/globals';
import { formatOf } from './definition-format.js';

describe('the format that a definition is sent as', () => {
  test.each([
    { reason: 'the first key of the portable form', text: 'apiVersion: signalbox/v1\n', format: 'signalbox/v1' },
    { reason: 'which may follow a comment', text: '# mine\napiVersion: "signalbox/v1"\n', format: 'signalbox/v1' },
    { reason: 'or stand in JSON', text: '{ "apiVersion": "signalbox/v1" }', format: 'signalbox/v1' },
    { reason: 'what an engine calls so is its own', text: 'apiVersion: argoproj.io/v1alpha1\n', format: 'native' },
    { reason: 'a text without it is native', text: 'name: etl\ntasks: {}\n', format: 'native' },
    { reason: 'unless the caller says what it is', text: 'my_dag', named: 'reference', format: 'reference' },
  ])('$reason', ({ text, named, format }) => {
    const chosen = formatOf(text, { file: 'etl.yaml', engine: 'local', named });
    expect(chosen.format).toBe(format);
    // Only what was neither said nor recognised is in doubt.
    expect(chosen.guess !== undefined).toBe(format === 'native');
  });

  test('a guess says what was taken for what, why, and what to do', () => {
    expect(formatOf('name: etl', { file: 'etl.yaml', engine: 'local', named: undefined }).guess).toBe(
      'etl.yaml was taken for a native definition of the engine local, as it has no "apiVersion: signalbox/v1". ' +
        'If it is none, add that line or name the format with --format.',
    );
  });
});
