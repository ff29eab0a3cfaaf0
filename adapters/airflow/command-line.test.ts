import { expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { commandLine } from './command-line.js';
import { runPython, withPython } from './compile/run-python.test-support.js';

const HEAD_2 = '[2026-01-02T03:04:05.678+0000] {logging_mixin.py:190} INFO - ';

test.each([
  { reason: 'as Airflow 3 has it', line: 'signalbox 1| hello', is: 'hello' },
  { reason: 'as Airflow 2 has it', line: `${HEAD_2}signalbox 12| hello`, is: 'hello' },
  { reason: 'an empty one', line: `${HEAD_2}signalbox 3|`, is: '' },
  { reason: 'one that begins with blanks', line: 'signalbox 3|   x', is: '  x' },
  { reason: 'one that quotes another', line: 'signalbox 3| signalbox 4| x', is: 'signalbox 4| x' },
  { reason: 'one in JSON', line: 'signalbox 3\\ "a\\r\\u001b[1m\\u2028 "', is: 'a\r\u001b[1m\u2028 ' },
  { reason: 'one in JSON that was cut', line: 'signalbox 3\\ "abc [cut]', is: '"abc [cut]' },
  { reason: "Airflow's own", line: `${HEAD_2}Task exited with return code 0`, is: undefined },
  { reason: 'a part of a trace', line: '  File "signalbox", line 3', is: undefined },
])('$reason', ({ line, is }) => {
  expect(commandLine(line)).toBe(is);
});

const WRITER = `
import io
results = []
for line in given:
    sys.stdout = io.StringIO()
    TaskLines().write(line.encode("utf-8", "surrogatepass"))
    results.append(sys.stdout.getvalue())
sys.stdout = sys.__stdout__
return results
`;

withPython('the constant Python', () => {
  test('what a compiled task writes is read back as the command wrote it, in one line of Airflow each', () => {
    const lines = [
      '',
      ' ',
      'plain',
      '  in',
      'tab\tin',
      'end ',
      'end\t',
      'a\rb',
      '\u2028',
      '\u0085',
      '\u001b[31mred',
      'é \u{1f600}',
    ];
    const written = runPython(['1-values.py', '3-attempt.py'], WRITER, lines) as Json[];
    const parts = written.map(String).map((text) => text.split(/[\n\r\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]/));
    expect(parts.every((part) => part.length === 2 && part[1] === '')).toBe(true);
    expect(parts.map(([line = '']) => line)).toEqual(parts.map(([line = '']) => line.trimEnd()));
    expect(parts.map(([line = '']) => commandLine(HEAD_2 + line))).toEqual(lines);
  });
});
