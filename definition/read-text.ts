import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from 'yaml';
import type { CST, Document, Pair, Scalar } from 'yaml';
import type { Diagnostic, Json } from './definition-types.js';
import { fieldName, toPointer } from './json-pointer.js';

/** Longest text that is read, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 1_048_576;
export const MAX_DEPTH = 64;
const MAX_LEXEMES = 300_000;
const MAX_NODES = 200_000;
const MAX_ALIASES = 100;
const MAX_SYNTAX_ERRORS = 20;

/** Own keys of these names would reach prototypes in code that copies objects carelessly; nobody needs them. */
const HARMFUL_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export interface ReadText {
  /** Present when the text could be read as one value, if need be with the refused entries left out. */
  value?: Json;
  diagnostics: Diagnostic[];
  /** Line and column, from 1, of the entry a pointer names, or of its nearest parent that the text holds. */
  locate(pointer: string, part: 'key' | 'value'): { line: number; column: number };
}

/** Reads YAML 1.2 or JSON into plain data with positions. Never throws and takes time in proportion to the text. */
export function readText(text: string): ReadText {
  const lines = new LineCounter();
  const reading = new Reading(lines);
  if (typeof text !== 'string' || text.trim() === '') {
    reading.report('empty-text', 'The text is empty; a definition starts with "apiVersion: signalbox/v1".', [], 0);
  } else if (text.length > MAX_TEXT_LENGTH) {
    reading.report('text-too-large', `The text is longer than ${MAX_TEXT_LENGTH} characters.`, [], 0);
  } else if (text.includes('\0')) {
    reading.report('not-text', 'The text holds a NUL character: this is not YAML or JSON.', [], text.indexOf('\0'));
  } else {
    readDocument(text, lines, reading);
  }
  return reading;
}

function readDocument(text: string, lines: LineCounter, reading: Reading): void {
  const tokens = tokenize(text, lines, reading);
  if (tokens === undefined) return;
  // Repeated keys are looked for below: the composer compares every key with every other one.
  const composer = new Composer({ version: '1.2', merge: false, uniqueKeys: false, prettyErrors: false });
  const [document, second] = [...composer.compose(tokens, true, text.length)];
  if (document === undefined) return;
  for (const error of document.errors.slice(0, MAX_SYNTAX_ERRORS)) {
    reading.report('syntax', `The text cannot be read here: ${firstLine(error.message)}.`, [], error.pos[0]);
  }
  if (second !== undefined) {
    reading.report('many-documents', 'The text holds more than one YAML document.', [], second.range[0]);
  }
  const { yaml } = document.directives ?? {};
  if (yaml?.explicit === true && yaml.version !== '1.2') {
    reading.report('yaml-version', `YAML ${yaml.version} reads words differently; only 1.2 is taken.`, [], 0);
  }
  if (document.errors.length === 0 && second === undefined) reading.take(document);
}

/**
 * Composing is recursive and a deep text would end the process, not only the call; the tokenizer keeps its own stack,
 * so depth and amount are looked at there.
 */
function tokenize(text: string, lines: LineCounter, reading: Reading): CST.Token[] | undefined {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  lines.addNewLine(0);
  let lexemes = 0;
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      tokens.push(token);
      if (token.type === 'error') errors += 1;
    }
    lexemes += 1;
    if (parser.stack.length > MAX_DEPTH + 2) {
      reading.report('too-deep', `The text is nested deeper than ${MAX_DEPTH} levels.`, [], parser.offset);
      return undefined;
    }
    // The rest of a text that is none would only cost time: each error carries a stack.
    if (errors > MAX_SYNTAX_ERRORS) break;
    if (lexemes > MAX_LEXEMES) {
      reading.report('text-too-large', `The text has more than ${MAX_LEXEMES} words and signs.`, [], parser.offset);
      return undefined;
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** Gave up on a node: the reason is reported, the entry is left out. */
const REFUSED = Symbol('refused');

/** One pass over a composed document: data out, positions and problems kept. */
class Reading implements ReadText {
  value?: Json;
  readonly diagnostics: Diagnostic[] = [];
  private readonly keys = new Map<string, number>();
  private readonly values = new Map<string, number>();
  private readonly anchors = new Map<string, unknown>();
  private nodes = 0;
  private aliases = 0;

  constructor(private readonly lines: LineCounter) {}

  report(code: string, message: string, path: readonly (string | number)[], offset: number): void {
    const { line, column } = this.at(offset);
    this.diagnostics.push({ severity: 'error', code, message, pointer: toPointer(path), line, column });
  }

  locate(pointer: string, part: 'key' | 'value'): { line: number; column: number } {
    for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const key = this.keys.get(at);
      const value = this.values.get(at);
      // A parent stands in for what the text lacks; its key is where an eye looks.
      const offset = part === 'key' || at !== pointer ? (key ?? value) : (value ?? key);
      if (offset !== undefined) return this.at(offset);
      if (at === '') return { line: 1, column: 1 };
    }
  }

  take(document: Document): void {
    const value = this.read(document.contents, []);
    if (value !== REFUSED) this.value = value;
  }

  private at(offset: number): { line: number; column: number } {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  private read(node: unknown, path: string[]): Json | typeof REFUSED {
    const offset = startOf(node);
    if (offset !== undefined) this.values.set(toPointer(path), offset);
    this.nodes += 1;
    if (this.nodes > MAX_NODES) {
      if (this.nodes === MAX_NODES + 1) {
        this.report('text-too-large', `The text holds more than ${MAX_NODES} values.`, path, offset ?? 0);
      }
      return REFUSED;
    }
    if (path.length > MAX_DEPTH) {
      this.report('too-deep', `The text is nested deeper than ${MAX_DEPTH} levels.`, path.slice(0, 1), offset ?? 0);
      return REFUSED;
    }
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.readAlias(node.source, path, offset ?? 0);
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.tag !== undefined) {
      this.report('tag', `${fieldName(path)} carries a YAML tag; tags are not taken.`, path, offset ?? 0);
      return REFUSED;
    }
    const value = this.readPlain(node, path, offset ?? 0);
    // Only now: an anchor inside its own value would have no end.
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) {
      this.anchors.set(node.anchor, node);
    }
    return value;
  }

  private readPlain(node: unknown, path: string[], offset: number): Json | typeof REFUSED {
    if (isScalar(node)) return this.readScalar(node, path, offset);
    if (isSeq(node)) {
      return node.items.flatMap((item, index) => {
        const value = this.read(item, [...path, String(index)]);
        return value === REFUSED ? [] : [value];
      });
    }
    if (isMap(node)) {
      const result: Record<string, Json> = {};
      for (const pair of node.items) {
        const key = this.readKey(pair, path, result);
        if (key === REFUSED) continue;
        const value = this.read(pair.value, [...path, key]);
        if (value !== REFUSED) result[key] = value;
      }
      return result;
    }
    return REFUSED;
  }

  private readKey(pair: Pair, path: string[], taken: Record<string, Json>): string | typeof REFUSED {
    const offset = startOf(pair.key) ?? startOf(pair.value) ?? 0;
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof key !== 'string') {
      this.report(
        'key-not-text',
        `A key in ${fieldName(path)} is not text; put quotes around numbers, true, false and null.`,
        path,
        offset,
      );
      return REFUSED;
    }
    const keyPath = [...path, key];
    if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
      this.report(
        'merge-key',
        `Merge keys ("<<") are not taken; write the entries of ${fieldName(path)} out.`,
        path,
        offset,
      );
      return REFUSED;
    }
    if (HARMFUL_KEYS.has(key)) {
      this.report('unknown-field', `${fieldName(keyPath)} is not known here.`, keyPath, offset);
      return REFUSED;
    }
    if (!isCleanText(key)) {
      this.report('bad-character', `A key in ${fieldName(path)} holds a character that is none.`, path, offset);
      return REFUSED;
    }
    if (Object.hasOwn(taken, key)) {
      const first = this.locate(toPointer(keyPath), 'key');
      this.report('duplicate-key', `${fieldName(keyPath)} is there already, in line ${first.line}.`, keyPath, offset);
      return REFUSED;
    }
    this.keys.set(toPointer(keyPath), offset);
    return key;
  }

  private readScalar(node: Scalar, path: string[], offset: number): Json | typeof REFUSED {
    const { value } = node;
    if (typeof value === 'string') {
      if (isCleanText(value)) return value;
      this.report('bad-character', `${fieldName(path)} holds a NUL or half a character.`, path, offset);
      return REFUSED;
    }
    if (typeof value === 'number') {
      const exact = Number.isFinite(value) && !(Number.isInteger(value) && !Number.isSafeInteger(value));
      if (exact) return Object.is(value, -0) ? 0 : value;
      this.report(
        'number-not-exact',
        `${fieldName(path)} is a number that cannot be kept exactly; put it in quotes to make it text.`,
        path,
        offset,
      );
      return REFUSED;
    }
    return typeof value === 'boolean' ? value : null;
  }

  private readAlias(name: string, path: string[], offset: number): Json | typeof REFUSED {
    this.aliases += 1;
    if (this.aliases > MAX_ALIASES) {
      if (this.aliases === MAX_ALIASES + 1) {
        this.report('too-many-aliases', `The text uses more than ${MAX_ALIASES} aliases.`, path, offset);
      }
      return REFUSED;
    }
    if (!this.anchors.has(name)) {
      this.report('unknown-alias', `"*${name}" has no "&${name}" before it.`, path, offset);
      return REFUSED;
    }
    return this.read(this.anchors.get(name), path);
  }
}

function startOf(node: unknown): number | undefined {
  return isAlias(node) || isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined;
}

/** Databases and UTF-8 take neither NUL nor half a surrogate pair. */
function isCleanText(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.replace(/\.$/, '').slice(0, 200) ?? '';
}
