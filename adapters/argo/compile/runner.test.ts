import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HANDED_OVER, runnerScript } from './runner.js';

/** The script is executed by the shell of this machine: there is no other proof of what a shell does with bytes. */
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-runner-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Attempt {
  run?: string;
  words?: string[];
  env?: Record<string, string>;
  outputs?: [name: string, type: string, fallback?: unknown][];
  timeout?: string;
  skip?: string;
  position?: string;
  retries?: number;
}

interface Ended {
  code: number | null;
  out: string;
  words: string;
  handedOver(name: string): string | undefined;
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

function execute({
  run = 'true',
  words,
  env = {},
  outputs = [],
  timeout = '',
  skip = '',
  position = '',
  retries = 0,
}: Attempt): Ended {
  const lastWords = join(folder, 'last-words');
  const command = words ?? ['/bin/sh', '-c', run];
  const args = [
    String(retries),
    '2',
    position,
    base64('{"attempt":'),
    base64(position === '' ? '}' : ',"item":7}'),
    timeout,
    skip,
    String(outputs.length),
    String(Object.keys(env).length),
    ...outputs.flatMap(([name, type, fallback]) => [
      name,
      type,
      fallback === undefined ? '-' : base64(JSON.stringify(fallback)),
    ]),
    ...Object.entries(env).flatMap(([name, value]) => [name, base64(value)]),
    ...command.map(base64),
  ];
  const { status, stdout, stderr } = spawnSync(
    '/bin/sh',
    ['-c', runnerScript(folder, lastWords), 'signalbox', ...args],
    {
      encoding: 'utf8',
      timeout: 20_000,
    },
  );
  return {
    code: status,
    out: stdout + stderr,
    words: existsSync(lastWords) ? readFileSync(lastWords, 'utf8') : '',
    handedOver: (name) => {
      const path = join(folder, HANDED_OVER, name);
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    },
  };
}

const HOSTILE: [reason: string, value: string][] = [
  ['quotes', `it's "quoted" \`here\``],
  ['newlines, one at the end', 'one\ntwo\n\n'],
  ['only newlines', '\n\n'],
  ['empty', ''],
  ['a template of Argo', '{{workflow.name}} {{=7*7}} {{ 7*7 }}'],
  ['a reference of ours', '${{ params.x }}'],
  ['shell code', '$(id) `id` ; exit 3 & $HOME ${HOME} * ~ \\n'],
  ['unicode', 'Zoë 💥 \u2028 \u00a0 é'],
  ['like an option', '-n -e --help'],
  ['like an assignment', 'A=B'],
  ['blanks around', '  x \t'],
  ['percent and backslash', '%s %d \\x41 \\'],
  ['control characters', '\u0001\u001b[31m\r\u007f'],
];

describe('values arrive byte by byte', () => {
  test.each(HOSTILE)('%s', (_, value) => {
    const asVariable = execute({ run: 'printf %s "$VALUE"', env: { VALUE: value } });
    expect(asVariable).toMatchObject({ code: 0, out: value });
    const asWord = execute({ words: ['/bin/sh', '-c', 'printf %s "$1"', 'sh', value] });
    expect(asWord).toMatchObject({ code: 0, out: value });
  });
  test('a command whose name looks like an assignment is still the command', () => {
    expect(execute({ words: ['A=B', 'x'] }).code).toBe(127);
  });
  test('a NUL cannot be in an argument: refused, never cut', () => {
    expect(execute({ words: ['echo', 'a\u0000b'] })).toMatchObject({
      code: 125,
      words: 'signalbox command-refused: A value holds the character NUL.',
      out: '',
    });
  });
  test('what Argo left as a template is refused', () => {
    const { status } = spawnSync('/bin/sh', [
      '-c',
      runnerScript(folder, '/dev/null'),
      'signalbox',
      ...['0', '0', '', '', '', '', '', '0', '0', '{{=x}}'],
    ]);
    expect(status).toBe(125);
  });
});

describe('what a task finds', () => {
  test('its folder, its attempt over all rounds, its manifest', () => {
    const run =
      'printf "%s %s " "$SIGNALBOX_ATTEMPT" "$SIGNALBOX_DIR"; cat "$SIGNALBOX_DIR/manifest.json"; ls "$SIGNALBOX_DIR"';
    const { out } = execute({ run, retries: 3, position: '4' });
    expect(out).toBe(`6 ${folder}/task {"attempt":6,"item":7}artifacts\ninputs\nmanifest.json\noutputs\n`);
  });
  test('nothing on its input, and none of our variables changed for it', () => {
    expect(execute({ run: 'cat; echo "[$task$words$declared]"' }).out).toBe('[]\n');
  });
  test('its position is handed over', () => {
    expect(execute({ position: '4' }).handedOver('signalbox-index')).toBe('4');
  });
});

describe('how it ends', () => {
  test.each([
    ['well', {}, 0, '', 'COMPLETED'],
    ['with the exit code of the command', { run: 'exit 3' }, 3, '', undefined],
    ['skipped', { run: 'exit 75', skip: '75' }, 0, '', 'SKIPPED 75'],
    ['failed with another code', { run: 'exit 74', skip: '75' }, 74, '', undefined],
    ['command not found', { words: ['no-such-command'] }, 127, '', undefined],
    [
      'timed out',
      { run: 'sleep 9', timeout: '0.2' },
      124,
      'signalbox timed-out: The attempt took longer than 0.2 s.',
      undefined,
    ],
    ['in time', { run: 'exit 5', timeout: '9' }, 5, '', undefined],
    ['killed', { run: 'kill -KILL $$' }, 137, '', undefined],
  ])('%s', (_, attempt, code, words, end) => {
    const ended = execute(attempt);
    expect({ code: ended.code, words: ended.words, end: ended.handedOver('signalbox-end') }).toEqual({
      code,
      words,
      end,
    });
    if (code !== 127) expect(ended.out).toBe('');
  });
  test('a stop of the pod reaches the command', () => {
    const stopped = execute({
      run: 'trap "echo stopped; exit 9" TERM; kill -TERM $PPID; sleep 5 >/dev/null 2>&1 & wait',
    });
    expect(stopped).toMatchObject({ code: 9, out: 'stopped\n' });
  });

  test('a command that does not know the stop ends by it', () => {
    expect(execute({ run: 'kill -TERM $PPID; sleep 5 >/dev/null 2>&1 & wait' })).toMatchObject({ code: 143 });
  });

  test('a command that ends while the runner still deals with the stop keeps its exit code', () => {
    const held = 'kill -STOP $PPID; (sleep 0.1; kill -CONT $PPID) >/dev/null 2>&1 & exit 9';
    for (let turn = 0; turn < 20; turn++) {
      expect(execute({ run: `trap '${held}' TERM; kill -TERM $PPID; sleep 5 >/dev/null 2>&1 & wait` })).toMatchObject({
        code: 9,
      });
    }
  });

  test('a command that ignores the stop of its pod is killed after the grace', () => {
    const began = performance.now();
    const { code } = execute({ run: 'trap "" TERM; kill -TERM $PPID; for second in $(seq 15); do sleep 1; done' });
    expect(code).toBe(137);
    expect(performance.now() - began).toBeGreaterThan(9_000);
  });
});

const WRITTEN: [text: string, type: string, code: string | undefined][] = [
  ['"text"', 'string', undefined],
  ['  {"a": [1, 2.5e3, -0, true, null, "\\u00e9\\\\"]}\n', 'object', undefined],
  ['[\n 1,\n 2\n]\n', 'array', undefined],
  ['[]', 'array', undefined],
  ['{}', 'object', undefined],
  ['7', 'integer', undefined],
  ['7.0', 'integer', undefined],
  ['1e3', 'integer', undefined],
  ['7', 'number', undefined],
  ['7.5', 'number', undefined],
  ['false', 'boolean', undefined],
  ['null', 'any', undefined],
  ['"ü💥"', 'string', undefined],
  [`${'['.repeat(64)}${']'.repeat(64)}`, 'array', undefined],
  [`${'['.repeat(65)}${']'.repeat(65)}`, 'array', 'output-invalid'],
  ['7.5', 'integer', 'output-type'],
  ['"7"', 'integer', 'output-type'],
  ['null', 'string', 'output-type'],
  ['text', 'string', 'output-invalid'],
  ['', 'string', 'output-invalid'],
  ['1 2', 'integer', 'output-invalid'],
  ['[1,]', 'array', 'output-invalid'],
  ['[1 2]', 'array', 'output-invalid'],
  ['{"a"}', 'object', 'output-invalid'],
  ['{"a":1,}', 'object', 'output-invalid'],
  ['{1:2}', 'object', 'output-invalid'],
  ['[}', 'array', 'output-invalid'],
  ['[1', 'array', 'output-invalid'],
  ['01', 'integer', 'output-invalid'],
  ['1.', 'number', 'output-invalid'],
  ['+1', 'integer', 'output-invalid'],
  ['NaN', 'number', 'output-invalid'],
  ['1e999', 'number', 'output-invalid'],
  ["'text'", 'string', 'output-invalid'],
  ['"a\nb"', 'string', 'output-invalid'],
  ['"a\tb"', 'string', 'output-invalid'],
  ['"\\x"', 'string', 'output-invalid'],
  ['"open', 'string', 'output-invalid'],
  ['1]', 'integer', 'output-invalid'],
  ['tru', 'boolean', 'output-invalid'],
  ['1\u00002', 'integer', 'output-invalid'],
];

describe('outputs', () => {
  test.each(WRITTEN)('%j as %s', (text, type, code) => {
    const encoded = base64(text);
    const ended = execute({
      run: `printf %s ${encoded} | base64 -d > "$SIGNALBOX_DIR/outputs/y"`,
      outputs: [['y', type]],
    });
    expect(/^signalbox ([a-z-]+): /.exec(ended.words)?.[1]).toBe(code);
    expect(ended.code).toBe(code === undefined ? 0 : 125);
    expect(ended.handedOver('y')).toBe(code === undefined ? encoded : undefined);
  });
  test('one that was not written fails the task, or has its default', () => {
    expect(execute({ outputs: [['y', 'string']] })).toMatchObject({
      code: 125,
      words: 'signalbox output-missing: The task did not write $SIGNALBOX_DIR/outputs/y.',
    });
    expect(execute({ outputs: [['y', 'string', 'given']] }).handedOver('y')).toBe(base64('"given"'));
  });
  test('a link is not followed', () => {
    const run = 'ln -s /etc/hostname "$SIGNALBOX_DIR/outputs/y"';
    expect(execute({ run, outputs: [['y', 'string']] }).words).toContain('output-missing');
  });
  test('together at most 32 KiB', () => {
    const write = (bytes: number): string => `printf '"%${bytes - 2}s"' x > "$SIGNALBOX_DIR/outputs/y"`;
    expect(execute({ run: write(32_768), outputs: [['y', 'string']] }).code).toBe(0);
    const more = execute({
      run: `${write(32_768)}; printf 1 > "$SIGNALBOX_DIR/outputs/z"`,
      outputs: [
        ['y', 'string'],
        ['z', 'integer'],
      ],
    });
    expect(more.words).toBe('signalbox output-too-large: The outputs hold 32769 bytes; together they may hold 32768.');
  });
});

test('nothing in the script is a template of Argo', () => {
  expect(runnerScript()).not.toMatch(/\{\{|\}\}/);
});
