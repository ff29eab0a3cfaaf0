/**
 * From a condition to an expression of Argo that has the same value, or no value for the same reasons.
 *
 * CEL looks at both sides of `&&` and `||`: one that decides is enough, even when the other has no answer. The language of Argo
 * ends with the first error. So an operand that may have no answer is written as a list: with its value, or empty.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Reference } from '../../../definition/references.js';
import type { Variables } from './expression.js';
import { numberLiteral, textLiteral, toJson } from './expression.js';

/** Makes expressions of what a condition may look at; each has a value whatever became of the tasks. */
export interface WhenSources {
  valueOf(reference: Reference): string;
  variables: Variables;
}

/** Of no type: a nil that is written out is compared with nothing. */
const NIL = "fromJSON('null')";
/** No answer. Of no type either. */
const NONE = "fromJSON('[]')";
/** Texts are put in order by their UTF-16 units, as everywhere in Signalbox; Argo goes by code points. */
const BEHIND_SURROGATES = textLiteral('[\\x{E000}-\\x{FFFF}]');
const MOVED_BEHIND = textLiteral('\u{10FFFF}$0');

interface Operand {
  text: string;
  /** Its text is the value; else it is the list. */
  sure: boolean;
  /** Known to be true or false. */
  truth?: boolean;
}

/** Gives a list that begins with `true` or `false`, or an empty one where the condition has no answer. */
export function compileWhen(ast: ASTNode, sources: WhenSources): string {
  const compiled = compile(ast, sources);
  if (compiled.sure && compiled.truth === true) return some(compiled.text);
  return withOperands(sources, [compiled], ([value = '']) => `${isTruth(value)} ? ${some(value)} : ${NONE}`).text;
}

function compile(node: ASTNode, sources: WhenSources): Operand {
  const of = (child: ASTNode): Operand => compile(child, sources);
  const using = (nodes: readonly ASTNode[], build: (values: string[]) => string): Operand =>
    withOperands(sources, nodes.map(of), build);
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case 'id':
    case '.':
    case '[]':
      return access(node, sources);
    case 'list': {
      const entries = node.args.map(of);
      if (entries.every(({ sure }) => sure)) return surely(`[${entries.map(({ text }) => text).join(', ')}]`);
      return withOperands(sources, entries, (values) => some(`[${values.join(', ')}]`));
    }
    case 'call':
      return call(node.args[0], node.args[1].map(of), sources);
    case 'rcall':
      return call(node.args[0], [node.args[1], ...node.args[2]].map(of), sources);
    case '?:': {
      const [condition, yes, no] = node.args;
      return using([condition], ([value = '']) => {
        return `${isTruth(value)} ? (${value} == true ? ${boxed(of(yes))} : ${boxed(of(no))}) : ${NONE}`;
      });
    }
    case '&&':
      return logical(of(node.args[0]), of(node.args[1]), false, sources);
    case '||':
      return logical(of(node.args[0]), of(node.args[1]), true, sources);
    case '!_': {
      const operand = of(node.args);
      if (operand.sure && operand.truth === true) return { text: `!${operand.text}`, sure: true, truth: true };
      return using([node.args], ([value = '']) => `${isTruth(value)} ? ${some(`!${value}`)} : ${NONE}`);
    }
    case '-_':
      return using([node.args], ([value = '']) => `${isNumber(value)} ? ${some(`0.0 - ${value}`)} : ${NONE}`);
    case '==':
    case '!=': {
      const [left, right] = [of(node.args[0]), of(node.args[1])];
      const compare = (a: string, b: string): string => `${toJson(a)} ${node.op} ${toJson(b)}`;
      if (left.sure && right.sure) return { text: `(${compare(left.text, right.text)})`, sure: true, truth: true };
      return withOperands(sources, [left, right], ([a = '', b = '']) => some(compare(a, b)));
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return using(node.args, ([a = '', b = '']) => {
        const ofTexts = `${isText(a)} && ${isText(b)} ? ${some(`${inOrder(a)} ${node.op} ${inOrder(b)}`)} : ${NONE}`;
        return `${isNumber(a)} && ${isNumber(b)} ? ${some(`${a} ${node.op} ${b}`)} : ${ofTexts}`;
      });
    case 'in':
      return using(node.args, ([a = '', b = '']) => {
        const inList = some(`any(${b}, ${toJson('#')} == ${toJson(a)})`);
        const inObject = some(`${isText(a)} && ${a} in ${b}`);
        return `type(${b}) == 'array' ? ${inList} : type(${b}) == 'map' ? ${inObject} : ${NONE}`;
      });
    case '+':
    case '-':
    case '*':
    case '%':
      return using(node.args, ([a = '', b = '']) => arithmetic(node.op, a, b, sources));
    case '/':
    case 'map':
    case '.?':
    case '[?]':
      throw new Error(`"${node.op}" is not part of conditions`);
  }
}

function logical(left: Operand, right: Operand, decides: boolean, sources: WhenSources): Operand {
  if (left.sure && right.sure && left.truth === true && right.truth === true) {
    return { text: `(${left.text} ${decides ? '||' : '&&'} ${right.text})`, sure: true, truth: true };
  }
  const { variables } = sources;
  const [a, b, ofA, ofB] = [variables.next(), variables.next(), variables.next(), variables.next()];
  const answers = (list: string): string => `len(${list}) > 0 && ${isTruth(`${list}[0]`)}`;
  const decided = `${ofA} && ${a}[0] == ${decides} || ${ofB} && ${b}[0] == ${decides}`;
  const text =
    `(let ${a} = ${boxed(left)}; let ${b} = ${boxed(right)}; let ${ofA} = ${answers(a)}; let ${ofB} = ${answers(b)}; ` +
    `${decided} ? ${some(String(decides))} : ${ofA} && ${ofB} ? ${some(String(!decides))} : ${NONE})`;
  return { text, sure: false };
}

function arithmetic(operator: '+' | '-' | '*' | '%', a: string, b: string, { variables }: WhenSources): string {
  const numbers = `${isNumber(a)} && ${isNumber(b)}`;
  if (operator === '%') {
    // Argo has the remainder of whole numbers alone; of others it has no answer here.
    const whole = (value: string): string => `${value} == float(int(${value}))`;
    return `${numbers} && ${whole(a)} && ${whole(b)} && ${b} != 0 ? ${some(`float(int(${a}) % int(${b}))`)} : ${NONE}`;
  }
  const result = variables.next();
  // A zero that is added makes 0 of -0, which is no other number in a condition.
  const finite = `(let ${result} = ${a} ${operator} ${b} + 0.0; abs(${result}) <= ${Number.MAX_VALUE} ? ${some(result)} : ${NONE})`;
  const ofNumbers = `${numbers} ? ${finite} : ${NONE}`;
  if (operator !== '+') return ofNumbers;
  // Of two empty lists Argo makes null.
  const joined = some(`len(${a}) == 0 ? ${b} : concat(${a}, ${b})`);
  const lists = `type(${a}) == 'array' && type(${b}) == 'array' ? ${joined}`;
  return `${isText(a)} && ${isText(b)} ? ${some(`${a} + ${b}`)} : ${lists} : ${ofNumbers}`;
}

function call(name: string, args: Operand[], sources: WhenSources): Operand {
  const [first] = args;
  if (name === 'has' && first?.sure === true)
    return { text: `(type(${first.text}) != 'nil')`, sure: true, truth: true };
  return withOperands(sources, args, ([a = '', b = '']) => {
    switch (name) {
      case 'has':
        return some(`type(${a}) != 'nil'`);
      case 'size':
        return `type(${a}) in ['string', 'array', 'map'] ? ${some(`float(len(${a}))`)} : ${NONE}`;
      default: {
        const operator = name === 'contains' || name === 'matches' || name === 'startsWith' ? name : 'endsWith';
        return `${isText(a)} && ${isText(b)} ? ${some(`${a} ${operator} ${b}`)} : ${NONE}`;
      }
    }
  });
}

/** The names at the root of a chain are a reference; what is reached further is looked up as values are. */
function access(node: ASTNode, sources: WhenSources): Operand {
  const keys: (string | ASTNode)[] = [];
  let root = node;
  while (root.op === '.' || root.op === '[]') {
    const key: string | ASTNode = root.args[1];
    keys.unshift(typeof key !== 'string' && key.op === 'value' && typeof key.args === 'string' ? key.args : key);
    root = root.args[0];
  }
  if (root.op !== 'id') return members(compile(root, sources), keys, sources);
  const { reference, length } = toReference(root.args, keys);
  return members(surely(`(${sources.valueOf(reference)})`), keys.slice(length), sources);
}

function toReference(root: string, keys: (string | ASTNode)[]): { reference: Reference; length: number } {
  const [first = '', second, third] = keys.map((key) => (typeof key === 'string' ? key : undefined));
  if (root === 'params') return { reference: { kind: 'param', name: first }, length: 1 };
  if (root === 'run') return { reference: { kind: first === 'id' ? 'run-id' : 'run-state' }, length: 1 };
  if (second === 'state') return { reference: { kind: 'state', task: first }, length: 2 };
  if (third === undefined) return { reference: { kind: 'outputs', task: first }, length: 2 };
  return { reference: { kind: 'output', task: first, name: third }, length: 3 };
}

function members(value: Operand, keys: (string | ASTNode)[], sources: WhenSources): Operand {
  return keys.reduce<Operand>((of, key) => {
    const name = typeof key === 'string' ? literal(key) : compile(key, sources);
    return withOperands(sources, [of, name], ([a = '', b = '']) => {
      const position = `${b} >= 0 && ${b} == float(int(${b})) ? ${some(`get(${a}, int(${b}))`)} : ${some(NIL)}`;
      return (
        `type(${a}) == 'nil' ? ${some(NIL)} : type(${a}) == 'array' && ${isNumber(b)} ? (${position}) : ` +
        `type(${a}) == 'map' && ${isText(b)} ? ${some(`get(${a}, ${b})`)} : ${NONE}`
      );
    });
  }, value);
}

/** `build` says what to make of the values; nothing comes of it when one of them has no answer. */
function withOperands({ variables }: WhenSources, operands: Operand[], build: (values: string[]) => string): Operand {
  const names = operands.map(() => variables.next());
  const declarations = operands.map((operand, at) => `let ${names[at]} = ${boxed(operand)}; `).join('');
  const unsure = names.filter((_, at) => operands[at]?.sure !== true);
  const values = build(names.map((name) => `${name}[0]`));
  const answers = unsure.map((name) => `len(${name}) > 0`).join(' && ');
  return { text: `(${declarations}${answers === '' ? values : `${answers} ? (${values}) : ${NONE}`})`, sure: false };
}

function literal(value: unknown): Operand {
  if (typeof value === 'string') return surely(textLiteral(value));
  if (typeof value === 'boolean') return { text: String(value), sure: true, truth: true };
  if (value === null) return surely(NIL);
  return surely(numberLiteral(Number(value)));
}

function surely(text: string): Operand {
  return { text, sure: true };
}

/** The list of a value. What is beside it keeps Argo from giving it a type, which it would check before it looks at the value. */
function some(value: string): string {
  return `[${value}, 0, '']`;
}

function boxed({ text, sure }: Operand): string {
  return sure ? some(text) : text;
}

function isTruth(value: string): string {
  return `type(${value}) == 'bool'`;
}

function isNumber(value: string): string {
  return `type(${value}) in ['int', 'float']`;
}

function inOrder(text: string): string {
  return `sprig.regexReplaceAll(${BEHIND_SURROGATES}, ${text}, ${MOVED_BEHIND})`;
}

function isText(value: string): string {
  return `type(${value}) == 'string'`;
}
