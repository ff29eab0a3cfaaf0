/** Conditions and what they look at: the evaluator of the service and that of a compiled DAG must agree on each. */
import type { Json } from '../../../definition/definition-types.js';
import type { ReferenceScope } from '../../../definition/references.js';

/** Of every type, with the edges that languages treat differently. */
export const EDGES: Json[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  3,
  2.5,
  -7,
  1e21,
  1e-7,
  123456789012345680000,
  1.7976931348623157e308,
  9007199254740992,
  '',
  'a',
  'abc',
  'é',
  '\u{1f600}',
  '\ud83d',
  '\uffee',
  'true',
  '1',
  '"; $(id) {{ 7 * 7 }} ${{ params.a }}',
  'line\nline',
  [],
  [1],
  [true],
  ['a', null],
  [[1, 2], { a: 1 }],
  {},
  { a: 1 },
  { b: 2, a: [1, 'x'] },
  { 2: 'two', 10: 'ten', a: null },
];

const BINARY = ['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '%', '&&', '||'];
const METHODS = ['contains', 'startsWith', 'endsWith'];

/** Every operator on every pair of edges, as texts that give true, false or a reason. */
export const PAIRED: string[] = [
  ...BINARY.map((operator) => `(params.a ${operator} params.b) == params.c`),
  ...BINARY.map((operator) => `params.a ${operator} params.b`),
  ...METHODS.map((method) => `params.a.${method}(params.b)`),
  'params.a[params.b] == params.c',
  'size(params.a) < size(params.b)',
  'has(params.a) ? params.b == 1 : params.a',
  '!params.a || -params.b < 0',
];

const PATTERNS = [
  'a',
  '^abc$',
  '^$',
  '(a|b)+c',
  '[^a-z]',
  '\\\\bab',
  '.',
  '(?i)STRASSE|É',
  'a{2,3}$',
  '(?m)^line$',
  '\\\\w+\\\\s\\\\d*',
  '\\\\pL',
  '\\\\B',
];

export const MATCHES: string[] = PATTERNS.map((pattern) => `params.a.matches("${pattern}")`);

export const TEXTS: string[] = [
  '',
  'a',
  'abc',
  'xabc',
  'aab',
  'strasse',
  'é',
  'line\nline',
  'b c 12',
  '\u{1f600}',
  'ſtrasse',
];

export const SINGLE: { when: string; scope: ReferenceScope }[] = [
  'tasks.one.state == "COMPLETED"',
  'tasks.one.outputs.n > 3',
  'tasks["gr.two"].outputs.list[1] == "b"',
  'tasks["gr.two"].outputs.list[1.5] == null',
  'tasks["gr.two"].outputs.list[-1] == null',
  'tasks.absent.outputs.n == null',
  'tasks.absent.state == null',
  'tasks.one.outputs.absent.deeper == null',
  'tasks.one.outputs == {"n": 5}.n || size(tasks.one.outputs) == 1',
  'size(tasks.one.outputs) == 1',
  'run.id == "run \u{1f600}"',
  'run.state == null',
  'params.constructor == null',
  'has(params.toString) || has(params.x)',
  'params.x.deep.a[0].b == "c"',
  'params.x == {"a": 1}',
  'tasks.one.outputs.n == 5 && (tasks.one.outputs.n < "a" || true)',
  '(1 < "a") && false',
  '(1 < "a") || true',
  '(1 < "a") || false',
  '(1 < "a") && 5',
  '1 + 1 == 2 && "a" + "b" == "ab" && [1] + [2] == [1, 2]',
  '"\\ud83d" + "\\ude00" == "\u{1f600}" && size("\\ud83d" + "\\ude00") == 1',
  '5 % 3 == 2 && -5 % 3 == -2 && 5 % 0 == 1',
  '1.0 == 1 && 3 in [1, 2, 3.0]',
  '"a" in {"a": 1}',
  '"n" in tasks.one.outputs',
  'true ? 1 : 2',
  '"text"',
  '1 / 2 == 0',
  '[1, 2][0] == 1 && "abc".size() == 3',
].map((when) => ({
  when,
  scope: {
    params: { x: { deep: { a: [{ b: 'c' }] } } },
    tasks: {
      one: { state: 'COMPLETED', outputs: { n: 5 } },
      'gr.two': { state: 'FAILED', outputs: { list: ['a', 'b', null] } },
    },
    run: { id: 'run \u{1f600}' },
  },
}));
