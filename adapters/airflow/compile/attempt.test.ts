/** Attempts of the constant Python, as processes of this machine: held to what the local engine does. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, OutputDeclaration } from '../../../definition/definition-types.js';
import { digestOutputs, readOutputs } from '../../local/output-files.js';
import { runPython, withPython } from './run-python.test-support.js';

const PARTS = ['1-values.py', '3-attempt.py'];
const LIMIT_BYTES = 32 * 1024;

const RUNNER = `
os.environ["AIRFLOW__CORE__FERNET_KEY"] = "a secret of Airflow"
task = dict({"id": "one", "env": {}, "outputs": {}, "arguments": []}, **given["task"])
scope = {"params": given.get("params", {}), "tasks": {}, "run": {"id": "7"}}
if "item" in given:
    scope["item"] = given["item"]
identity = {"attempt": 2, "index": 0, "marker": given["marker"], "traceparent": "00-a-b-01"}
before = time.monotonic()
written = sys.stdout
import io
sys.stdout = io.StringIO()
try:
    result = run_task(Attempt(), task, scope, identity)
except Failed as failed:
    result = dict(failed.details, failure=failed.failure, cause=failed.cause)
log, sys.stdout = sys.stdout.getvalue(), written
return {"result": result, "log": log, "seconds": time.monotonic() - before}
`;

const argv = (...words: string[]): Json => words.map((word): Json => ['value', word]);
const shell = (text: string): Json => argv('/bin/sh', '-c', text);
let markers = 0;
function attempt(given: { task: Record<string, Json>; params?: Record<string, Json>; item?: Json; marker?: string }) {
  const marker = given.marker ?? `attempt-test-${process.pid}-${(markers += 1)}`;
  return runPython(PARTS, RUNNER, { ...given, marker }) as {
    result: {
      outputs?: Json;
      exitCode?: number;
      state?: string;
      failure?: { code: string; class: string };
      cause?: string;
    };
    log: string;
    seconds: number;
  };
}

withPython('an attempt', () => {
  test('sees the variables of the definition and the few of the host, nothing of Airflow', () => {
    const { log } = attempt({
      task: { argv: argv('env'), env: { MINE: ['param', 'x'] } },
      params: { x: { b: 1, a: [true] } },
    });
    const variables = log.split('\n').flatMap((line) => /^signalbox \d+\| (.*)$/.exec(line)?.[1] ?? []);
    const names = variables.map((line) => line.split('=')[0] ?? '');
    expect(names).toEqual(expect.arrayContaining(['MINE', 'PATH', 'SIGNALBOX_DIR', 'SIGNALBOX_RUN_ID', 'TRACEPARENT']));
    const given = ['HOME', 'LANG', 'PATH', 'TMPDIR', 'TZ', 'MINE', 'TRACEPARENT', 'PWD', 'OLDPWD', 'SHLVL', '_'];
    expect(names.filter((name) => !given.includes(name) && !name.startsWith('SIGNALBOX_'))).toEqual([]);
    expect(variables).toContain('MINE={"b":1,"a":[true]}');
    expect(variables).toContain('SIGNALBOX_ATTEMPT=2');
  });

  test.each([
    { reason: 'a text as it is', item: 'it\'s {{ "x" }} $(id)', is: 'it\'s {{ "x" }} $(id)' },
    { reason: 'a value as JSON', item: { a: [1, 'x'] }, is: '{"a":[1,"x"]}' },
  ])('has its item: $reason', ({ item, is }) => {
    const { log } = attempt({ task: { argv: shell('echo "$SIGNALBOX_ITEM"') }, item });
    expect(log).toBe(`signalbox 1| ${is}\n`);
  });

  test('that takes too long is ended with all it has started, and says so', () => {
    const { result, seconds } = attempt({ task: { argv: shell('setsid sleep 300 & sleep 300'), timeoutMs: 300 } });
    expect(result).toMatchObject({ failure: { class: 'timeout', code: 'timed-out' }, cause: 'timeout' });
    expect(seconds).toBeLessThan(9);
  });

  test('is over when its main process is: what it left is ended', () => {
    const { result, seconds } = attempt({ task: { argv: shell('setsid sleep 300 & (sleep 300 &) ; exit 0') } });
    expect(result).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    expect(seconds).toBeLessThan(9);
  });

  test.each<{ reason: string; task: Record<string, Json>; is: object }>([
    {
      reason: 'an exit code',
      task: { argv: shell('exit 5') },
      is: { failure: { code: 'exit-code' }, exitCode: 5, cause: 'failure' },
    },
    {
      reason: 'a signal',
      task: { argv: shell('kill -9 $$') },
      is: { failure: { code: 'exit-signal' }, cause: 'failure' },
    },
    {
      reason: 'no such command',
      task: { argv: argv('no-such-command') },
      is: { failure: { code: 'exit-code' }, exitCode: 127 },
    },
    {
      reason: 'a NUL',
      task: { argv: argv('echo', 'a\u0000b') },
      is: { failure: { code: 'command-refused', class: 'user' } },
    },
    {
      reason: 'too much',
      task: { argv: argv('echo', 'x'.repeat(3_000_000)) },
      is: { failure: { code: 'command-refused' } },
    },
    {
      reason: 'its own wish',
      task: { argv: shell('exit 9'), skipExitCode: 9 },
      is: { state: 'SKIPPED', reason: 'skip-exit-code' },
    },
  ])('ends by $reason', ({ task, is }) => {
    expect(attempt({ task }).result).toMatchObject(is);
  });
});

withPython('outputs are read as the local engine reads them', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-outputs-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const VECTORS: { content: string | Buffer; declared?: OutputDeclaration }[] = [
    ...['1', '1.0', '-0', '1e3', '1e999', '12345678901234567890', 'null', 'true', '"x"', '[1,2]', '{"a":1,"a":2}'].map(
      (content) => ({ content }),
    ),
    ...[
      '',
      ' ',
      'x',
      "'x'",
      '01',
      '1.',
      '.5',
      'NaN',
      'Infinity',
      '-Infinity',
      '[1,]',
      '"a\nb"',
      '"\\ud83d"',
      '"\\u0000"',
      '1 2',
    ].map((content) => ({ content })),
    { content: '\ufeff1' },
    { content: Buffer.from([0x22, 0xff, 0x22]) },
    { content: deep(64) },
    { content: deep(65) },
    { content: deep(10_000) },
    { content: `"${'x'.repeat(LIMIT_BYTES - 2)}"` },
    { content: `"${'x'.repeat(LIMIT_BYTES - 1)}"` },
    { content: '1.0', declared: { type: 'integer' } },
    { content: '1.5', declared: { type: 'integer' } },
    { content: 'true', declared: { type: 'number' } },
    { content: 'null', declared: { type: 'object' } },
    { content: '[]', declared: { type: 'object' } },
    { content: '{}', declared: { type: 'object' } },
  ];

  test('value for value, refusal for refusal', async () => {
    const places = await Promise.all(
      VECTORS.map(async ({ content, declared = {} }, at) => {
        const place = join(folder, String(at));
        await mkdir(place);
        await writeFile(join(place, 'out'), content);
        return { place, declared: { out: declared } };
      }),
    );
    const linked = join(folder, 'linked');
    await mkdir(linked);
    await symlink('/etc/hostname', join(linked, 'out'));
    const empty = join(folder, 'empty');
    await mkdir(empty);
    const all = [
      ...places,
      { place: linked, declared: { out: {} } },
      { place: empty, declared: { out: {} } },
      { place: empty, declared: { out: { default: [1] } } },
    ];
    const theirs = runPython(
      PARTS,
      `
results = []
for one in given:
    try:
        results.append([json_text(read_outputs(one["place"], one["declared"])), None])
    except Failed as failed:
        results.append([None, failed.failure["code"]])
return results
`,
      all as unknown as Json,
    );
    const ours = all.map(({ place, declared }) => {
      const digests = digestOutputs(place, ['out'], LIMIT_BYTES);
      const read = readOutputs(place, declared, digests, LIMIT_BYTES);
      return 'outputs' in read ? [JSON.stringify(read.outputs), null] : [null, read.failure.code];
    });
    expect(theirs).toEqual(ours);
  });
});
