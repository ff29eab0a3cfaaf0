import type { ASTNode } from '@marcbachmann/cel-js';
import type { Json } from '../../../definition/definition-types.js';
import { patternProgram } from '../../../definition/pattern-program.js';

/** A node of a condition, for the interpreter of the compiled DAG: its operator, then what it works on. */
export type ConditionTree = [operator: string, ...rest: Json[]];

/** The tree of a condition that `parseWhen` has let through. */
export function compileCondition(node: ASTNode): ConditionTree {
  switch (node.op) {
    case 'value':
      return ['value', literal(node.args)];
    case 'id':
      return ['id', node.args];
    case '.':
      return ['.', compileCondition(node.args[0]), node.args[1]];
    case '[]':
      return ['[]', compileCondition(node.args[0]), compileCondition(node.args[1])];
    case 'list':
      return ['list', node.args.map(compileCondition)];
    case 'call':
      return compileCall(node.args[0], node.args[1]);
    case 'rcall':
      return compileCall(node.args[0], [node.args[1], ...node.args[2]]);
    case '?:':
      return ['?:', ...node.args.map(compileCondition)];
    case '!_':
      return ['!', compileCondition(node.args)];
    case '-_':
      return ['negative', compileCondition(node.args)];
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
    case '-':
    case '*':
    case '%':
      return [node.op, ...node.args.map(compileCondition)];
    case '/':
    case 'map':
    case '.?':
    case '[?]':
      throw new Error(`"${node.op}" is not part of conditions: the definition was not validated`);
  }
}

function compileCall(name: string, args: readonly ASTNode[]): ConditionTree {
  const trees = args.map(compileCondition);
  const pattern = name === 'matches' ? args[1] : undefined;
  if (pattern?.op === 'value' && typeof pattern.args === 'string') {
    return ['call', name, [trees[0] ?? null, ['pattern', patternProgram(pattern.args) as unknown as Json]]];
  }
  return ['call', name, trees];
}

function literal(value: unknown): Json {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  throw new Error('a literal that conditions do not have: the definition was not validated');
}
