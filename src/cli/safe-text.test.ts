import { describe, expect, test } from '@jest/globals';
import { safeJson, safeLine, safeText } from './safe-text.js';

const rows = [
  {
    reason: 'ordinary text of any script stays',
    text: 'Zürich 東京 ✔',
    several: 'Zürich 東京 ✔',
    one: 'Zürich 東京 ✔',
  },
  { reason: 'lines stay lines, but not in a cell', text: 'a\nb\tc', several: 'a\nb\tc', one: 'a␊b c' },
  { reason: 'line ends of Windows are line ends', text: 'a\r\nb', several: 'a\nb', one: 'a␊b' },
  { reason: 'a lone carriage return would overwrite the line', text: 'ok\rEVIL', several: 'ok␍EVIL', one: 'ok␍EVIL' },
  { reason: 'colours are dropped', text: '\u001b[1;31mred\u001b[0m', several: 'red', one: 'red' },
  { reason: 'a window title is not set', text: '\u001b]0;x\u0007', several: '␛]0;x␇', one: '␛]0;x␇' },
  { reason: 'the screen is not cleared', text: '\u001b[2J', several: '␛[2J', one: '␛[2J' },
  { reason: 'the one-byte form of CSI counts', text: '\u009b2J', several: '\ufffd2J', one: '\ufffd2J' },
  { reason: 'text does not change direction', text: 'a\u202eb', several: 'a<U+202E>b', one: 'a<U+202E>b' },
];

describe('text from elsewhere on a terminal', () => {
  test.each(rows)('$reason', ({ text, several, one }) => {
    expect(safeText(text)).toBe(several);
    expect(safeLine(text)).toBe(one);
  });

  test.each(rows)('JSON carries the same value without acting on the terminal: $reason', ({ text }) => {
    const json = safeJson({ text });
    expect(JSON.parse(json)).toEqual({ text });
    expect(json).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});
