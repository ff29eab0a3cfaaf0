import { expect, test } from '@jest/globals';
import { formatDuration } from './format-time.js';
import { paintWith, wantsColour } from './paint.js';
import { renderFields, renderTable } from './table.js';

const plain = paintWith(false);

test('a table is aligned, wide characters count double, and nothing acts on the terminal', () => {
  const rows = [
    { name: '東京', state: 'COMPLETED', n: 5 },
    { name: 'a\u001b[31mb', state: 'FAILED', n: undefined },
  ];
  const text = renderTable(
    [
      { title: 'name', value: (row) => row.name },
      { title: 'state', value: (row) => row.state, state: true },
      { title: 'n', value: (row) => row.n, align: 'right' },
    ],
    rows,
    plain,
  );
  expect(text).toBe(['NAME  STATE      N', '東京  COMPLETED  5', 'ab    FAILED', ''].join('\n'));
});

test('absent fields are left out', () => {
  expect(
    renderFields(
      [
        ['id', 1],
        ['reason', undefined],
        ['engine', 'local'],
        ['labels', ''],
      ],
      plain,
    ),
  ).toBe('id      1\nengine  local\n');
});

test.each([
  { reason: 'a terminal is coloured', isTerminal: true, flag: true, env: {}, coloured: true },
  { reason: 'a pipe is not', isTerminal: false, flag: true, env: {}, coloured: false },
  { reason: 'NO_COLOR', isTerminal: true, flag: true, env: { NO_COLOR: '1' }, coloured: false },
  { reason: 'an empty NO_COLOR says nothing', isTerminal: true, flag: true, env: { NO_COLOR: '' }, coloured: true },
  { reason: '--no-color', isTerminal: true, flag: false, env: { FORCE_COLOR: '1' }, coloured: false },
  { reason: 'a dumb terminal', isTerminal: true, flag: true, env: { TERM: 'dumb' }, coloured: false },
  { reason: 'FORCE_COLOR', isTerminal: false, flag: true, env: { FORCE_COLOR: '1' }, coloured: true },
])('colour: $reason', ({ coloured, ...input }) => {
  expect(wantsColour(input)).toBe(coloured);
});

test.each([
  { ms: 0, text: '0.0s' },
  { ms: -5, text: '0.0s' },
  { ms: 59_949, text: '59.9s' },
  { ms: 59_950, text: '1m00s' },
  { ms: 3_599_000, text: '59m59s' },
  { ms: 3_600_000, text: '1h00m' },
  { ms: 90_000_000, text: '1d01h' },
])('$ms ms are $text', ({ ms, text }) => {
  expect(formatDuration(ms)).toBe(text);
});
