import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { CONSTRUCTS } from '../../../definition/constructs.js';
import { DAG_ID_TOKEN } from '../dag-name.js';
import { compileDefinition } from './compile-definition.js';
import { withPython } from './run-python.test-support.js';
import { runtimeCode } from './runtime-code.js';
import { AIRFLOW_CONSTRUCTS } from './supported-constructs.js';

const golden = (name: string): URL => new URL(`./golden/${name}`, import.meta.url);
const read = (file: URL): string => readFileSync(file, 'utf8');
const DEFINITIONS = [
  { name: 'constructs', text: read(golden('constructs.yaml')) },
  { name: 'hostile', text: read(golden('hostile.yaml')) },
  { name: 'parity', text: read(new URL('../../../examples/parity/workflow.yaml', import.meta.url)) },
];

const compiled = (text: string): string => {
  const { files, diagnostics } = compileDefinition(text, runtimeCode());
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return files[0]?.text ?? '';
};
/** What is of this workflow: the rest of the file is the same for all. */
const ofItsOwn = (text: string): string => text.slice(runtimeCode().trimEnd().length).trimStart();

describe('a compiled definition', () => {
  test.each(DEFINITIONS)('$name is the constant code and the golden document', ({ name, text }) => {
    const file = compiled(text);
    expect(file.startsWith(runtimeCode().trimEnd())).toBe(true);
    const path = golden(`${name}.dag.py`);
    // To accept a change: UPDATE_GOLDEN=1 npm run jest -- adapters/airflow/compile
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, ofItsOwn(file));
    expect(ofItsOwn(file)).toBe(read(path));
  });

  test.each(DEFINITIONS)('$name is the same text whenever it is asked for', ({ text }) => {
    expect(compiled(text)).toBe(compiled(text));
  });

  test('only ASCII is in the file', () => {
    for (const { text } of DEFINITIONS) expect(compiled(text)).toMatch(/^[\n\x20-\x7e]*$/);
  });
});

withPython('to Python a compiled definition', () => {
  test.each(DEFINITIONS)(
    '$name has one statement more than the constant code for each line that is not of it',
    ({ text }) => {
      const count = (python: string): number =>
        Number(
          execFileSync('python3', ['-c', 'import ast,sys; print(len(ast.parse(sys.stdin.read()).body))'], {
            input: python,
            encoding: 'utf8',
          }),
        );
      // The id, the document, the question whether it was registered, and the DAG.
      expect(count(compiled(text))).toBe(count(runtimeCode()) + 4);
    },
  );

  test.each(DEFINITIONS)('$name is read back by Python as it was written, and names its DAG once', ({ text }) => {
    const file = compiled(text);
    expect(file.split(DAG_ID_TOKEN)).toHaveLength(2);
    const start = ofItsOwn(file).indexOf("DOCUMENT = load_json(r'''");
    const end = ofItsOwn(file).indexOf("\n''')");
    const literal = ofItsOwn(file)
      .slice(start, end + 5)
      .replace('load_json', 'json.loads');
    const told = execFileSync('python3', ['-c', `import json\n${literal}\nprint(json.dumps(DOCUMENT))`], {
      encoding: 'utf8',
    });
    const document = JSON.parse(told) as { tasks: Record<string, { argv: unknown; env: unknown }> };
    expect(Object.keys(document.tasks).length).toBeGreaterThan(0);
    if (text.includes('name: hostile')) {
      expect(document.tasks['one']?.argv).toEqual([
        ['value', '/bin/sh'],
        ['value', '-c'],
        ['value', "echo '''it's'''; r'''\nimport os; os.system(\"id\") # SIGNALBOX_DAG_ID\n"],
      ]);
      expect(document.tasks['one']?.env).toMatchObject({
        X: ['value', '\\u0027\\'],
        Y: ['value', '{{ conf }} {% raw %}'],
      });
    }
  });
});

describe('what Airflow does not execute', () => {
  const HEAD = 'apiVersion: signalbox/v1\nkind: Workflow\nname: x\n';
  test.each([
    { reason: 'a kind', body: 'tasks: { a: { python: "m:f" } }', pointer: '/tasks/a/python', says: 'script' },
    {
      reason: 'a fan-out that stops at the first failure',
      body: 'tasks: { a: { foreach: { items: [1], failFast: true }, run: "true" } }',
      pointer: '/tasks/a/foreach/failFast',
      says: 'leave it out',
    },
    {
      reason: 'tasks that run after all others',
      body: 'tasks: { a: { run: "true" } }\nfinally: { b: { run: "true" } }',
      pointer: '/finally',
      says: 'trigger: all-done',
    },
  ])('is refused with its place and what to do instead: $reason', ({ body, pointer, says }) => {
    const { files, diagnostics, report } = compileDefinition(HEAD + body, runtimeCode());
    expect(files).toEqual([]);
    expect(diagnostics).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        code: 'construct-unsupported',
        pointer,
        line: expect.any(Number),
        message: expect.stringContaining(says),
      }),
    );
    expect(report).toContainEqual(expect.objectContaining({ pointer, support: 'refused' }));
  });

  test('is told for every construct there is', () => {
    expect(Object.keys(AIRFLOW_CONSTRUCTS).sort()).toEqual([...CONSTRUCTS].sort());
    for (const { how } of Object.values(AIRFLOW_CONSTRUCTS)) expect(how).not.toBe('');
  });
});

test('names come back: a fan-out is stood for by who collects', () => {
  const { nameMap } = compileDefinition(DEFINITIONS[0]?.text ?? '', runtimeCode());
  expect(nameMap).toEqual({ first: 'first', 'each.word': 'each.word__collect', after: 'after' });
});
