/** Ways in which an engine, or a proxy before it, answers 200 and says nothing that can be believed. */
export const BROKEN_SHAPES = [
  'empty',
  'html',
  'cut-json',
  'short-body',
  'huge',
  'deep',
  'array',
  'null',
  'missing-fields',
  'wrong-types',
  'invalid-utf8',
  'other-key',
] as const;
export type BrokenShape = (typeof BROKEN_SHAPES)[number];

/** What a harness has to send for each shape. */
export const SHAPE_MEANING: Record<BrokenShape, string> = {
  empty: 'no byte of body',
  html: 'a page for people, as a login proxy sends it',
  'cut-json': 'the first half of the true answer, with a length that fits it',
  'short-body': 'the first half of the true answer under the length of the whole; then the connection ends',
  huge: 'JSON of more than 8 MiB',
  deep: '10,000 arrays inside each other',
  array: 'a list where an object belongs',
  null: 'the JSON value null',
  'missing-fields': 'an object without any field',
  'wrong-types': 'the true fields, each with a value of another type',
  'invalid-utf8': 'bytes that are no UTF-8 inside a text',
  'other-key': 'a flawless answer about another execution',
};
