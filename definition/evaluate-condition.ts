import type { ASTNode } from '@marcbachmann/cel-js';
import { canonicalJson } from './canonical-json.js';
import type { Json } from './definition-types.js';
import { linearPattern } from './pattern.js';
import type { ReferenceScope } from './references.js';

/** A condition that has no answer; `message` is for people. */
export class WhenError extends Error {}

interface ConditionFunction {
  /** Arguments, the receiver of a method counted. */
  arity: number;
  form: 'function' | 'method';
  example: string;
  apply(args: Json[]): Json;
}

/** Every function a condition may call. `size` may be written as a method too. */
export const FUNCTIONS: Readonly<Record<string, ConditionFunction>> = {
  has: { arity: 1, form: 'function', example: 'has(params.x)', apply: ([value]) => (value ?? null) !== null },
  size: { arity: 1, form: 'function', example: 'size(params.x)', apply: ([value]) => sizeOf(value ?? null) },
  contains: textMethod('contains', (text, part) => text.includes(part)),
  startsWith: textMethod('startsWith', (text, part) => text.startsWith(part)),
  endsWith: textMethod('endsWith', (text, part) => text.endsWith(part)),
  matches: textMethod('matches', (text, source) => {
    const pattern = linearPattern(source);
    if (typeof pattern === 'string') throw new WhenError(`The pattern of matches() is refused: ${pattern}.`);
    return pattern.occursIn(text);
  }),
};

/**
 * Evaluates what `parseWhen` has let through. The rules stand there.
 * @throws WhenError when the expression has no answer.
 */
export function evaluateCondition(node: ASTNode, scope: ReferenceScope): Json {
  const evaluate = (child: ASTNode): Json => evaluateCondition(child, scope);
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case 'id':
      return root(node.args, scope);
    case '.':
      return access(node.args[0], node.args[1], scope);
    case '[]':
      return access(node.args[0], evaluate(node.args[1]), scope);
    case 'list':
      return node.args.map(evaluate);
    case 'call':
      return call(node.args[0], node.args[1].map(evaluate));
    case 'rcall':
      return call(node.args[0], [node.args[1], ...node.args[2]].map(evaluate));
    case '?:':
      return evaluate(truth(evaluate(node.args[0]), '?:') ? node.args[1] : node.args[2]);
    case '&&':
      return logical(node.args, false, evaluate);
    case '||':
      return logical(node.args, true, evaluate);
    case '!_':
      return !truth(evaluate(node.args), '!');
    case '-_':
      return -numeric(evaluate(node.args), '-');
    case '==':
      return equal(evaluate(node.args[0]), evaluate(node.args[1]));
    case '!=':
      return !equal(evaluate(node.args[0]), evaluate(node.args[1]));
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ordered(node.op, evaluate(node.args[0]), evaluate(node.args[1]));
    case 'in':
      return within(evaluate(node.args[0]), evaluate(node.args[1]));
    case '+':
    case '-':
    case '*':
    case '%':
      return arithmetic(node.op, evaluate(node.args[0]), evaluate(node.args[1]));
    case '/':
    case 'map':
    case '.?':
    case '[?]':
      throw new WhenError(`"${node.op}" is not part of conditions.`);
  }
}

/** CEL's and/or: one side that decides is enough, even when the other has no answer. */
function logical(args: readonly [ASTNode, ASTNode], decides: boolean, evaluate: (node: ASTNode) => Json): boolean {
  const name = decides ? '||' : '&&';
  let left: boolean;
  try {
    left = truth(evaluate(args[0]), name);
  } catch (error) {
    if (error instanceof WhenError && truth(evaluate(args[1]), name) === decides) return decides;
    throw error;
  }
  return left === decides ? decides : truth(evaluate(args[1]), name);
}

/** Tasks are looked up one at a time: a run may have ten thousand of them. */
function access(target: ASTNode, key: Json, scope: ReferenceScope): Json {
  if (target.op !== 'id' || target.args !== 'tasks') return member(evaluateCondition(target, scope), key);
  const task = typeof key === 'string' && Object.hasOwn(scope.tasks, key) ? scope.tasks[key] : undefined;
  return task === undefined ? null : { state: task.state, outputs: { ...task.outputs } };
}

function root(name: string, scope: ReferenceScope): Json {
  switch (name) {
    case 'params':
      return { ...scope.params };
    case 'run':
      return { id: scope.run.id, state: scope.run.state ?? null };
    default:
      throw new WhenError(`"${name}" is not known in a condition.`);
  }
}

function member(value: Json, key: Json): Json {
  if (value === null) return null;
  if (Array.isArray(value) && typeof key === 'number') return value[key] ?? null;
  if (typeof value === 'object' && !Array.isArray(value) && typeof key === 'string') {
    return Object.hasOwn(value, key) ? (value[key] ?? null) : null;
  }
  throw new WhenError(`${shown(value)} has no member ${shown(key)}.`);
}

function call(name: string, args: Json[]): Json {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (known === undefined) throw new WhenError(`"${name}" is not part of conditions.`);
  return known.apply(args);
}

function literal(value: unknown): Json {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  throw new WhenError('Bytes and unsigned numbers are not part of conditions.');
}

function truth(value: Json, operator: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new WhenError(`"${operator}" needs true or false, not ${shown(value)}.`);
}

function numeric(value: Json, operator: string): number {
  if (typeof value === 'number') return value;
  throw new WhenError(`"${operator}" needs a number, not ${shown(value)}.`);
}

function equal(left: Json, right: Json): boolean {
  return canonicalJson(left) === canonicalJson(right);
}

function within(value: Json, container: Json): boolean {
  if (Array.isArray(container)) return container.some((entry) => equal(entry, value));
  if (container !== null && typeof container === 'object')
    return typeof value === 'string' && Object.hasOwn(container, value);
  throw new WhenError(`"in" needs a list or an object on its right, not ${shown(container)}.`);
}

function ordered(operator: '<' | '<=' | '>' | '>=', left: Json, right: Json): boolean {
  const comparable =
    (typeof left === 'number' && typeof right === 'number') || (typeof left === 'string' && typeof right === 'string');
  if (!comparable) {
    throw new WhenError(`"${operator}" compares two numbers or two texts, not ${shown(left)} and ${shown(right)}.`);
  }
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

function arithmetic(operator: '+' | '-' | '*' | '%', left: Json, right: Json): Json {
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
  if (operator === '+' && Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  const [a, b] = [numeric(left, operator), numeric(right, operator)];
  const result = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : a % b;
  if (!Number.isFinite(result)) throw new WhenError(`${a} ${operator} ${b} has no value.`);
  return result;
}

function sizeOf(value: Json): number {
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value)) return value.length;
  if (value !== null && typeof value === 'object') return Object.keys(value).length;
  throw new WhenError(`size() needs a text, a list or an object, not ${shown(value)}.`);
}

function textMethod(name: string, apply: (text: string, argument: string) => boolean): ConditionFunction {
  return {
    arity: 2,
    form: 'method',
    example: `params.x.${name}("text")`,
    apply: ([text, argument]) => {
      if (typeof text === 'string' && typeof argument === 'string') return apply(text, argument);
      throw new WhenError(`${name}() needs texts, not ${shown(text ?? null)} and ${shown(argument ?? null)}.`);
    },
  };
}

function shown(value: Json): string {
  return JSON.stringify(value).slice(0, 80);
}
