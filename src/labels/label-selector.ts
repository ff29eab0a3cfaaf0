import { Problem } from '../platform/problem.js';
import { isLabelKey, isLabelValue } from './label.js';

/**
 * One requirement on an object. With V = all values the key has on it:
 * `in` iff V meets the values, `exists` iff V is not empty; `not-in` and `absent` are their exact complements.
 */
export type LabelTerm =
  { op: 'in' | 'not-in'; key: string; values: string[] } | { op: 'exists' | 'absent'; key: string };

export type ParsedSelector = { ok: true; terms: LabelTerm[] } | { ok: false; position: number; message: string };

export const MAX_TERMS = 32;
/** Over all terms. */
export const MAX_VALUES = 500;

/**
 * Reads a selector in Kubernetes' grammar: `team=ml,stage in (dev,test),!archived`. Values with characters outside
 * `[A-Za-z0-9._-]` stand in double quotes, in which `\"` and `\\` are a quote and a backslash. Positions count
 * characters from 1. An empty text has no terms and so selects everything.
 */
export function parseLabelSelector(text: string): ParsedSelector {
  try {
    return { ok: true, terms: new Parser(text).terms() };
  } catch (error) {
    if (error instanceof SelectorRefused) return { ok: false, position: error.position, message: error.message };
    throw error;
  }
}

/** The terms of a request's selector; a bad one is a 422 that names the parameter (or pointer) and the position. */
export function requestedSelector(text: string, where: { parameter: string } | { pointer: string }): LabelTerm[] {
  const parsed = parseLabelSelector(text);
  if (parsed.ok) return parsed.terms;
  throw new Problem('validation-failed', {
    detail: 'The label selector cannot be read.',
    errors: [{ ...where, code: 'bad-selector', message: `At character ${parsed.position}: ${parsed.message}` }],
  });
}

class SelectorRefused extends Error {
  constructor(
    readonly position: number,
    message: string,
  ) {
    super(message);
  }
}

type Kind = 'word' | 'quoted' | 'sign' | 'end';

interface Token {
  kind: Kind;
  text: string;
  position: number;
}

const BLANK = /[ \t]/;
const SIGN = /==|!=|[=!(),]/y;
const WORD = /[^\s=!(),"<>]+/y;
const BARE_VALUE = /^[A-Za-z0-9._-]*$/;

class Parser {
  private readonly tokens: Token[];
  private readonly end: Token;
  private at = 0;
  private values = 0;

  constructor(text: string) {
    this.tokens = tokenize(text);
    // Its text is the empty value of `team=`.
    this.end = { kind: 'end', text: '', position: text.length + 1 };
  }

  terms(): LabelTerm[] {
    const terms: LabelTerm[] = [];
    if (this.next().kind === 'end') return terms;
    for (;;) {
      const start = this.next();
      terms.push(this.term());
      if (terms.length > MAX_TERMS) throw new SelectorRefused(start.position, `at most ${MAX_TERMS} terms are taken.`);
      const after = this.take();
      if (after.kind === 'end') return terms;
      if (after.text !== ',' || after.kind !== 'sign') throw unexpected(after, '"," or the end');
    }
  }

  private term(): LabelTerm {
    if (this.isSign('!')) {
      this.take();
      return { op: 'absent', key: this.key() };
    }
    const key = this.key();
    if (this.isSign('=') || this.isSign('==')) {
      this.take();
      return { op: 'in', key, values: [this.value()] };
    }
    if (this.isSign('!=')) {
      this.take();
      return { op: 'not-in', key, values: [this.value()] };
    }
    const word = this.next();
    if (word.kind !== 'word') return { op: 'exists', key };
    if (word.text !== 'in' && word.text !== 'notin') throw unexpected(word, '"=", "!=", "in", "notin" or ","');
    this.take();
    return { op: word.text === 'in' ? 'in' : 'not-in', key, values: this.set() };
  }

  private key(): string {
    const token = this.take();
    if (token.kind !== 'word') throw unexpected(token, 'a label key');
    if (!isLabelKey(token.text)) throw new SelectorRefused(token.position, `"${shown(token)}" is not a label key.`);
    return token.text;
  }

  private set(): string[] {
    const open = this.take();
    if (open.kind !== 'sign' || open.text !== '(') throw unexpected(open, '"("');
    if (this.isSign(')')) throw new SelectorRefused(this.next().position, 'a set needs at least one value.');
    const values: string[] = [];
    for (;;) {
      values.push(this.value());
      const after = this.take();
      if (after.kind === 'sign' && after.text === ')') return [...new Set(values)];
      if (after.kind !== 'sign' || after.text !== ',') throw unexpected(after, '"," or ")"');
    }
  }

  /** Nothing at all is the empty value, as in `team=`. */
  private value(): string {
    const token = this.next();
    this.values += 1;
    if (this.values > MAX_VALUES) throw new SelectorRefused(token.position, `at most ${MAX_VALUES} values are taken.`);
    if (token.kind === 'sign' && (token.text === ',' || token.text === ')')) return '';
    this.take();
    if (token.kind === 'sign') throw unexpected(token, 'a value');
    if (token.kind === 'word' && !BARE_VALUE.test(token.text)) {
      throw new SelectorRefused(token.position, `put the value "${shown(token)}" in double quotes.`);
    }
    if (!isLabelValue(token.text)) {
      throw new SelectorRefused(token.position, 'a value is 0 to 255 printable characters.');
    }
    return token.text;
  }

  private isSign(text: string): boolean {
    const token = this.next();
    return token.kind === 'sign' && token.text === text;
  }

  private next(): Token {
    return this.tokens[this.at] ?? this.end;
  }

  private take(): Token {
    const token = this.next();
    this.at += 1;
    return token;
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const position = at + 1;
    if (BLANK.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    if (text.charAt(at) === '"') {
      const quoted = readQuoted(text, at);
      tokens.push({ kind: 'quoted', text: quoted.value, position });
      at = quoted.end;
      continue;
    }
    const sign = matchAt(SIGN, text, at);
    const found = sign ?? matchAt(WORD, text, at);
    if (found === undefined)
      throw new SelectorRefused(position, `${JSON.stringify(text.charAt(at))} has no meaning here.`);
    tokens.push({ kind: sign === undefined ? 'word' : 'sign', text: found, position });
    at += found.length;
  }
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function readQuoted(text: string, open: number): { value: string; end: number } {
  let value = '';
  for (let at = open + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return { value, end: at + 1 };
    if (character !== '\\') {
      value += character;
      continue;
    }
    at += 1;
    const escaped = text.charAt(at);
    if (escaped !== '"' && escaped !== '\\') {
      throw new SelectorRefused(at + 1, 'after a backslash only a quote or a backslash is taken.');
    }
    value += escaped;
  }
  throw new SelectorRefused(open + 1, 'the quote is not closed.');
}

function unexpected(token: Token, wanted: string): SelectorRefused {
  const found = token.kind === 'end' ? 'the text ends' : `"${shown(token)}" was found`;
  return new SelectorRefused(token.position, `${found} where ${wanted} was expected.`);
}

function shown(token: Token): string {
  return token.text.length > 40 ? `${token.text.slice(0, 40)}...` : token.text;
}
