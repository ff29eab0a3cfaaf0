import { expect, test } from '@jest/globals';
import type { Json } from '../../../definition/definition-types.js';
import { argumentText, resolveValue } from '../../../definition/references.js';
import { compileTemplate } from './compile-template.js';
import { EDGES } from './condition-vectors.test-support.js';
import { runPython, withPython } from './run-python.test-support.js';

const RESOLVER = `
return [list(as_bytes(argument_text(resolve(template, scope)))) for template, scope in given]
`;

const FORMS: Json[] = [
  '${{ params.a }}',
  'text ${{ params.a }} and ${{ params.b }}',
  '${{ params.a }}${{ params.b }}',
  ['${{ params.a }}', { deep: ['${{ item }}', 'plain'], b: 1, 2: 'two' }],
  '${{ tasks.one.outputs }}',
  '${{ tasks.one.outputs.a }} ${{ tasks.one.state }} ${{ run.id }}',
  '${{ tasks.absent.outputs.a }}${{ params.absent }}${{ run.state }}',
  '${{ not a reference }} $(id) `id` {{ ds }} {% raw %}',
  '',
];

withPython('the constant Python', () => {
  test('a compiled template gives the bytes that the library gives', () => {
    const vectors = FORMS.flatMap((form) =>
      EDGES.flatMap((a, at) => {
        const b = EDGES[(at * 5 + 3) % EDGES.length] ?? null;
        const scope = {
          params: { a, b },
          tasks: { one: { state: 'FAILED', outputs: { a, z: b } } },
          run: { id: 'r' },
          item: b,
        };
        return [{ form, scope }];
      }),
    );
    const theirs = runPython(
      ['1-values.py'],
      RESOLVER,
      vectors.map(({ form, scope }): Json => [compileTemplate(form), scope]),
    );
    const ours = vectors.map(({ form, scope }) => [...Buffer.from(argumentText(resolveValue(form, scope)))]);
    expect(theirs).toEqual(ours);
  });

  test('texts that JSON cannot tell apart from numbers and words stay texts', () => {
    expect(
      runPython(['1-values.py'], 'return [json_text(one) for one in given]', ['1', 1, 'null', null, -0, 1e21]),
    ).toEqual(['"1"', '1', '"null"', 'null', '0', '1e+21']);
  });
});

test('a value without references is left as it is, however much it looks like one', () => {
  expect(compileTemplate({ a: ['x', 1], b: '{{ ds }}' })).toEqual(['value', { a: ['x', 1], b: '{{ ds }}' }]);
});
