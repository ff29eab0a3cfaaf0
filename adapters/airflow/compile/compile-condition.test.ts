import { expect, test } from '@jest/globals';
import type { Json } from '../../../definition/definition-types.js';
import type { ReferenceScope } from '../../../definition/references.js';
import { evaluateWhen, parseWhen } from '../../../definition/when-expression.js';
import { compileCondition } from './compile-condition.js';
import { EDGES, MATCHES, PAIRED, SINGLE, TEXTS } from './condition-vectors.test-support.js';
import { runPython, withPython } from './run-python.test-support.js';

const INTERPRETER = `
results = []
for tree, scope in given:
    try:
        results.append({"ok": True, "value": holds_true(tree, scope)})
    except NoAnswer as error:
        results.append({"ok": False, "message": str(error)})
return results
`;

type Vector = { when: string; scope: ReferenceScope };

/** Those that both have to answer: what `parseWhen` refuses never reaches a DAG. */
function valid(vectors: readonly Vector[]): Vector[] {
  return vectors.filter(({ when }) => parseWhen(when).ast !== undefined);
}

/** Answers that differ, with the condition and what it looked at. */
function differences(vectors: readonly Vector[]): unknown[] {
  const given = vectors.map(({ when, scope }): Json => {
    const { ast } = parseWhen(when);
    if (ast === undefined) throw new Error(`${when} is no condition`);
    return [compileCondition(ast), scope as unknown as Json];
  });
  const answers = runPython(['1-values.py', '2-condition.py'], INTERPRETER, given);
  if (!Array.isArray(answers)) throw new Error('python3 gave no list');
  expect(answers).toHaveLength(vectors.length);
  return vectors.flatMap((vector, at) => {
    const ours = evaluateWhen(vector.when, vector.scope);
    const theirs = answers[at];
    return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [{ ...vector, ours, theirs }];
  });
}

const scopeOf = (params: Record<string, Json>): ReferenceScope => ({ params, tasks: {}, run: { id: '1' } });

withPython('a compiled condition answers what the evaluator answers, its complaints word for word', () => {
  test('on single vectors', () => {
    const vectors = valid(SINGLE);
    expect(vectors.length).toBeGreaterThan(22);
    expect(differences(vectors)).toEqual([]);
  });

  test('for every operator on every pair of edge values', () => {
    const vectors = valid(
      PAIRED.flatMap((when) =>
        EDGES.flatMap((a, at) =>
          EDGES.map((b) => ({ when, scope: scopeOf({ a, b, c: EDGES[(at * 7) % EDGES.length] ?? null }) })),
        ),
      ),
    );
    expect(vectors.length).toBeGreaterThan(30_000);
    expect(differences(vectors).slice(0, 5)).toEqual([]);
  });

  test('for patterns', () => {
    const vectors = valid(MATCHES.flatMap((when) => [...TEXTS, 5].map((a) => ({ when, scope: scopeOf({ a }) }))));
    expect(vectors).toHaveLength(MATCHES.length * (TEXTS.length + 1));
    expect(differences(vectors).slice(0, 5)).toEqual([]);
  });

  test('an interpreter that is wrong in one operator is found out', () => {
    const { ast } = parseWhen('params.a < 3');
    const tree = ast === undefined ? [] : compileCondition(ast);
    const wrong = JSON.parse(JSON.stringify(tree).replace('<', '<=')) as Json;
    const answers = runPython(['1-values.py', '2-condition.py'], INTERPRETER, [
      [tree, { params: { a: 3 } }],
      [wrong, { params: { a: 3 } }],
    ]);
    expect(answers).toEqual([
      { ok: true, value: false },
      { ok: true, value: true },
    ]);
  });
});
