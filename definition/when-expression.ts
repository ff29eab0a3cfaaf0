import { Environment, ParseError } from '@marcbachmann/cel-js';
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Diagnostic, Json } from './definition-types.js';
import type { Reference, ReferenceScope } from './references.js';
import { evaluateCondition, FUNCTIONS, WhenError } from './evaluate-condition.js';
import { linearPattern } from './pattern.js';

export const MAX_WHEN_LENGTH = 2000;

export interface ParsedWhen {
  /** What the expression looks at. */
  references: Reference[];
  /** All with pointer "": the caller knows where the text stands. */
  diagnostics: Diagnostic[];
  /** Present when nothing is wrong. */
  ast?: ASTNode;
}

/**
 * Parses the condition of a task: a subset of CEL in which every expression takes time in proportion to its length.
 *
 * - names: `params.x`, `tasks.ID.outputs.name`, `tasks.ID.state`, `run.id`, `run.state`; an id with a hyphen or a dot is
 *   written `tasks["my-task"]`. Members of objects and entries of lists may be reached further; what is absent is null.
 * - operators: `|| && ! == != < <= > >= in + - * % ?:`, lists in brackets
 * - functions: has, size, contains, startsWith, endsWith, matches (RE2)
 * - left out: macros that loop (all, exists, map, filter), maps, bytes, durations, and `/`, which CEL defines differently
 *   for whole numbers and JSON cannot tell those apart.
 *
 * Numbers are JSON numbers: 3 == 3.0. `==` of different types is false and null equals only null. Ordering and
 * arithmetic of anything but two numbers (or two texts) is an error; `false && error` is false and `true || error` true.
 */
export function parseWhen(text: string): ParsedWhen {
  const result: ParsedWhen = { references: [], diagnostics: [] };
  const report = (code: string, message: string): void => {
    result.diagnostics.push({ severity: 'error', code, message, pointer: '' });
  };
  if (text.length > MAX_WHEN_LENGTH) {
    report('when-too-long', `A condition must not be longer than ${MAX_WHEN_LENGTH} characters.`);
    return result;
  }
  const ast = parseCel(text, report);
  if (ast === undefined) return result;
  visit(ast, text, result.references, report);
  if (result.diagnostics.length === 0) result.ast = ast;
  return result;
}

/** Evaluates a condition. A result that is not true or false is an error, as is everything `parseWhen` refuses. */
export function evaluateWhen(
  text: string,
  scope: ReferenceScope,
): { ok: true; value: boolean } | { ok: false; message: string } {
  const { ast, diagnostics } = parseWhen(text);
  if (ast === undefined) return { ok: false, message: diagnostics.map(({ message }) => message).join(' ') };
  try {
    const value = evaluateCondition(ast, scope);
    if (typeof value === 'boolean') return { ok: true, value };
    return { ok: false, message: `The condition gives ${shown(value)}, which is neither true nor false.` };
  } catch (error) {
    if (error instanceof WhenError) return { ok: false, message: error.message };
    throw error;
  }
}

type Report = (code: string, message: string) => void;

// Only its parser is used: names, types and evaluation are ours, since absent values and JSON numbers follow other rules.
const cel = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 1000, maxDepth: 40, maxListElements: 200, maxCallArguments: 8 },
});

function parseCel(text: string, report: Report): ASTNode | undefined {
  try {
    return cel.parse(text).ast;
  } catch (error) {
    const where =
      error instanceof ParseError && error.range !== undefined ? ` at character ${error.range.start + 1}` : '';
    const reason = error instanceof ParseError ? error.summary : String(error);
    report('when-syntax', `The condition cannot be read${where}: ${reason.split('\n', 1)[0]}.`);
    return undefined;
  }
}

function visit(node: ASTNode, text: string, references: Reference[], report: Report): void {
  const next = (child: ASTNode): void => visit(child, text, references, report);
  switch (node.op) {
    case 'value':
      return checkLiteral(node.args, report);
    case 'id':
    case '.':
    case '[]':
      return visitAccess(node, text, references, report);
    case 'call':
      return visitCall(node.args[0], node.args[1], undefined, next, report);
    case 'rcall':
      return visitCall(node.args[0], node.args[2], node.args[1], next, report);
    case '-': {
      const hyphenated = hyphenatedTask(node, text);
      if (hyphenated === undefined) return node.args.forEach(next);
      return report(
        'when-hyphen',
        `A task id with a hyphen is written tasks["${hyphenated}"], not tasks.${hyphenated}.`,
      );
    }
    case '!_':
    case '-_':
      return next(node.args);
    case 'list':
    case '?:':
    case '||':
    case '&&':
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'in':
    case '+':
    case '*':
    case '%':
      return node.args.forEach(next);
    case '/':
      return report('when-unsupported', 'Division is not part of conditions.');
    case 'map':
    case '.?':
    case '[?]':
      return report(
        'when-unsupported',
        `"${text.slice(node.start, node.end).slice(0, 60)}" is not part of conditions.`,
      );
  }
}

function checkLiteral(value: unknown, report: Report): void {
  if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
    report('when-unsupported', `The number ${value} is too large to be exact.`);
  } else if (typeof value === 'object' && value !== null) {
    report('when-unsupported', 'Bytes and unsigned numbers are not part of conditions.');
  }
}

function visitCall(
  name: string,
  args: ASTNode[],
  receiver: ASTNode | undefined,
  next: (node: ASTNode) => void,
  report: Report,
): void {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  const all = receiver === undefined ? args : [receiver, ...args];
  if (known === undefined) {
    report('when-function', `"${name}" is not part of conditions; there are ${Object.keys(FUNCTIONS).join(', ')}.`);
    return;
  }
  if (all.length !== known.arity || (receiver === undefined) !== (known.form === 'function')) {
    if (!(name === 'size' && all.length === 1)) {
      report('when-function', `"${name}" is written ${known.example}.`);
      return;
    }
  }
  const pattern = name === 'matches' ? args[0] : undefined;
  if (pattern !== undefined) {
    const compiled =
      pattern.op === 'value' && typeof pattern.args === 'string'
        ? linearPattern(pattern.args)
        : 'it is no literal text';
    if (typeof compiled === 'string') report('bad-pattern', `The pattern of matches() is refused: ${compiled}.`);
  }
  all.forEach(next);
}

/** A chain such as `tasks["a"].outputs.n[0]`: its root decides, keys inside brackets are expressions of their own. */
function visitAccess(node: ASTNode, text: string, references: Reference[], report: Report): void {
  const chain: (string | undefined)[] = [];
  let root = node;
  while (root.op === '.' || root.op === '[]') {
    if (root.op === '.') {
      chain.unshift(root.args[1]);
      root = root.args[0];
    } else {
      const key = root.args[1];
      chain.unshift(key.op === 'value' && typeof key.args === 'string' ? key.args : undefined);
      if (key.op !== 'value') visit(key, text, references, report);
      root = root.args[0];
    }
  }
  if (root.op !== 'id') return visit(root, text, references, report);
  const reference = toReference(root.args, chain);
  if (typeof reference === 'string') report('when-name', reference);
  else references.push(reference);
}

function toReference(root: string, chain: (string | undefined)[]): Reference | string {
  const [first, second, third] = chain;
  switch (root) {
    case 'params':
      return first === undefined ? 'After "params" comes a name: params.x.' : { kind: 'param', name: first };
    case 'run':
      if (first === 'id' && chain.length === 1) return { kind: 'run-id' };
      if (first === 'state' && chain.length === 1) return { kind: 'run-state' };
      return 'Of "run" there are run.id and run.state.';
    case 'tasks':
      if (first === undefined) return 'After "tasks" comes an id: tasks.x or tasks["my-task"].';
      if (second === 'state' && chain.length === 2) return { kind: 'state', task: first };
      if (second !== 'outputs') {
        const grouped = second === undefined ? '' : `; a grouped id is written tasks["${first}.${second}"]`;
        return `After tasks.${first} comes .outputs or .state${grouped}.`;
      }
      return third === undefined ? { kind: 'outputs', task: first } : { kind: 'output', task: first, name: third };
    case 'item':
      return '"item" is not known in a condition: it is looked at once for the task, not for each item.';
    default:
      return `"${root}" is not known here; a condition looks at params, tasks and run.`;
  }
}

/** `tasks.my-task.outputs.n` reads as a subtraction; nobody subtracts from a task. */
function hyphenatedTask(node: ASTNode, text: string): string | undefined {
  if (node.op !== '-') return undefined;
  let left: ASTNode = node;
  while (left.op === '-') left = left.args[0];
  if (left.op !== '.' || left.args[0].op !== 'id' || left.args[0].args !== 'tasks') return undefined;
  return /^tasks\s*\.\s*([A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)+)/.exec(text.slice(left.start))?.[1];
}

function shown(value: Json): string {
  return JSON.stringify(value).slice(0, 80);
}
