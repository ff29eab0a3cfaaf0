/**
 * Texts of Argo's expression language (expr-lang), which stands between `{{=` and `}}`. What a user wrote is in them only as
 * base64 or as plain words, so that no text ends an expression or begins another one.
 */

/** New names for variables: one that is declared twice is an error. */
export class Variables {
  #count = 0;
  next(): string {
    this.#count += 1;
    return `v${this.#count}`;
  }
}

export function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** Plain words stay readable. */
export function textLiteral(text: string): string {
  return /^[A-Za-z0-9 _.:/-]*$/.test(text) ? `'${text}'` : `fromBase64('${base64(text)}')`;
}

/** Always one with a fraction: of whole numbers the language has types of their own. */
export function numberLiteral(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

export function jsonLiteral(value: unknown): string {
  return `fromJSON(fromBase64('${base64(JSON.stringify(value))}'))`;
}

/** The value as compact JSON; `toJSON` of the language itself would spread it over lines. */
export function toJson(value: string): string {
  return `sprig.toRawJson(${value})`;
}

/** How a value stands within a text: a text as it is, anything else as compact JSON. */
export function toText(value: string, variables: Variables): string {
  const name = variables.next();
  return `(let ${name} = ${value}; type(${name}) == 'string' ? ${name} : ${toPlainJson(name)})`;
}

/**
 * Argo escapes the two line separators of Unicode, JSON need not. A backslash that is escaped itself is put aside meanwhile, as a
 * character that is in no JSON: what stands behind it is no escape.
 */
function toPlainJson(value: string): string {
  const aside = textLiteral('\u0001');
  const escaped = textLiteral('\\\\');
  const steps: [string, string][] = [
    [escaped, aside],
    [textLiteral('\\u2028'), textLiteral('\u2028')],
    [textLiteral('\\u2029'), textLiteral('\u2029')],
    [aside, escaped],
  ];
  return steps.reduce((text, [from, to]) => `replace(${text}, ${from}, ${to})`, toJson(value));
}

/** A place that Argo fills with what the expression gives. */
export function tag(expression: string): string {
  if (expression.includes('{{') || expression.includes('}}')) throw new Error('an expression holds the end of its tag');
  return `{{=(${expression})}}`;
}
