/** Conditions have the same answers on the controller of a real Argo as in the library. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { evaluateWhen, parseWhen } from '../../definition/when-expression.js';
import type { World } from '../conformance/conformance-case.js';
import type { Harness } from '../conformance/harness.js';
import { makeWorld, sha256 } from '../conformance/world.js';
import type { EngineAdapter, WorkflowVersion } from '../spi/engine-adapter.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { argoEndpoint, NOT_UP, type ArgoEndpoint } from './argo-endpoint.test-support.js';
import { connectArgo } from './argo-lab.test-support.js';
import { compileWhen } from './compile/compile-when.js';
import { Variables, jsonLiteral, tag, toJson } from './compile/expression.js';
import { objectIn, objectsIn, textIn } from './read-fields.js';

const LIMIT_MS = 300_000;
const found = argoEndpoint();
/** Of every type, with the edges that languages treat differently. */
const VALUES: Json[] = [
  null,
  true,
  false,
  0,
  1,
  2.5,
  -7,
  1e21,
  1e-7,
  9007199254740992,
  1.7976931348623157e308,
  '',
  'a',
  'abc',
  'é',
  '\u{1f600}',
  '\uffee',
  '1',
  '"; $(id) {{ 7 * 7 }} }}',
  'line\nline',
  '\u2028<&>',
  [],
  [1],
  [1, 2.5, 'a'],
  [[1, 2], { a: 1 }],
  {},
  { a: 1 },
  { b: 2, a: [1, 'x'] },
  { a: null },
];

const CONDITIONS = [
  ...['==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'].map((operator) => `params.a ${operator} params.b`),
  ...['+', '-', '*'].map((operator) => `(params.a ${operator} params.b) == params.b`),
  ...['contains', 'startsWith', 'endsWith'].map((method) => `params.a.${method}(params.b)`),
  'params.a % 3 == params.b',
  '7 % params.b == 1',
  '(params.a < params.b) && params.a == 1',
  'params.a == 1 && (params.a < params.b)',
  '(params.a < params.b) || params.b == 2.5',
  '!(params.a < params.b)',
  '!params.a || -params.b < 0',
  'params.a[params.b] == 1',
  'params.a[0] == params.b',
  'params.a.a == params.b',
  'params.a.a[1] == "x" || params.b == null',
  'size(params.a) < size(params.b)',
  'params.a.size() == 1 && has(params.b)',
  'has(params.a.a) ? params.b == 1 : params.a',
  '[params.a, 1, "{{x}}"] == [params.b, 1.0, "{{x}}"]',
  'params.a in [1, "a", params.b, [1]]',
  'params.a.matches("^[a-z\\\\d]+$|ne\\\\nl|(?i)É") && params.b != "x"',
  'run.state == null && run.id == "7" && params.a == params.b',
  '5',
  '"true"',
];

describe('a real Argo', () => {
  if (!found) {
    test.skip(NOT_UP, () => undefined);
    return;
  }
  let adapter: EngineAdapter;
  let world: World;

  beforeAll(async () => {
    adapter = await connectArgo(found, 'server');
    world = makeWorld(adapter, { patienceMs: 120_000 } as Harness);
  }, LIMIT_MS);
  afterAll(async () => {
    await adapter.close();
  }, LIMIT_MS);

  test(
    `answers ${CONDITIONS.length} conditions on ${VALUES.length ** 2} pairs of values as the library does`,
    async () => {
      const pairs = VALUES.flatMap((a) => VALUES.map((b) => [a, b]));
      const version = templateOf(CONDITIONS.map((condition) => answersOf(condition, pairs)));
      expect(await adapter.register(version, world.ctx())).toEqual({ state: 'READY' });
      const sent = world.submission(version);
      await adapter.submit(sent, world.ctx());
      await world.ended(sent.ref);
      const workflow = await read(found, sent.ref.key);
      await adapter.forget?.([sent.ref], world.ctx());
      await adapter.retire(version, world.ctx());
      const answers = answersIn(workflow);
      CONDITIONS.forEach((condition, at) => {
        const given = answers.get(`c${at}`) ?? [];
        const differ = pairs.flatMap(([a = null, b = null], pair) => {
          if (condition.includes('%') && !hasRemainder(a, b)) return [];
          const own = evaluateWhen(condition, { params: { a, b }, tasks: {}, run: { id: '7' } });
          const expected = own.ok ? String(own.value) : 'none';
          return given[pair] === expected ? [] : [{ a, b, expected, given: given[pair] }];
        });
        expect({ condition, differ }).toEqual({ condition, differ: [] });
      });
    },
    LIMIT_MS,
  );
});

/** Argo has a remainder for whole numbers of 64 bits alone; README.md says so. */
function hasRemainder(...values: Json[]): boolean {
  return values.every((value) => typeof value !== 'number' || Number.isSafeInteger(value));
}

/** An expression that gives the list of a condition's answers, one for each pair of params. */
function answersOf(condition: string, pairs: Json[][]): string {
  const { ast, diagnostics } = parseWhen(condition);
  if (!ast) throw new Error(diagnostics[0]?.message);
  const answer = compileWhen(ast, {
    variables: new Variables(),
    valueOf: (reference) => {
      if (reference.kind === 'param') return reference.name === 'a' ? 'pair[0]' : 'pair[1]';
      return reference.kind === 'run-id' ? `'7'` : 'nil';
    },
  });
  const each = `let pair = #; let answer = ${answer}; len(answer) > 0 ? string(answer[0]) : 'none'`;
  return tag(toJson(`map(${jsonLiteral(pairs)}, ${each})`));
}

/** A task for each expression, none with a pod: what Argo makes of it is the input of its node. */
function templateOf(expressions: string[]): WorkflowVersion {
  const template = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'WorkflowTemplate',
    metadata: { name: 'conditions' },
    spec: {
      entrypoint: 'main',
      templates: [
        {
          name: 'main',
          dag: {
            tasks: expressions.map((value, at) => ({
              name: `c${at}`,
              template: 'show',
              arguments: { parameters: [{ name: 'answers', value }] },
            })),
          },
        },
        { name: 'show', inputs: { parameters: [{ name: 'answers' }] }, suspend: { duration: '0' } },
      ],
    },
  };
  const text = JSON.stringify(template);
  const definition = { format: 'native', text } as const;
  return { id: '9', project: 'default', title: 'conditions', version: 1, definition, digest: sha256(text) };
}

/** Through argo-server: nodes this large are in a database of Argo's. */
async function read({ url, namespace, tokenFile }: ArgoEndpoint, name: string): Promise<JsonObject> {
  const headers = { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
  const answer = await fetch(`${url}/api/v1/workflows/${namespace}/${name}`, { headers });
  return (await answer.json()) as JsonObject;
}

function answersIn(workflow: JsonObject): Map<string, string[]> {
  const nodes = Object.values(objectIn(objectIn(workflow, 'status'), 'nodes')) as JsonObject[];
  return new Map(
    nodes.flatMap((node): [string, string[]][] => {
      const parameter = objectsIn(objectIn(node, 'inputs'), 'parameters').find(({ name }) => name === 'answers');
      const value = parameter && textIn(parameter, 'value');
      return value === undefined ? [] : [[textIn(node, 'displayName') ?? '', JSON.parse(value) as string[]]];
    }),
  );
}
