import type { Json } from '../../../definition/definition-types.js';
import type { Exchange } from './recording.js';

/** The body as a tree: one JSON value, or a list of lines that are one each. Undefined for a body that is a text. */
export function treeOf({ json, lines = [] }: Exchange): Json | undefined {
  if (json !== undefined) return json;
  const told = lines.filter((line) => line !== '');
  if (told.length === 0 || !told.every((line) => line.startsWith('{'))) return undefined;
  return told.map((line) => JSON.parse(line) as Json);
}

export function withTree(exchange: Exchange, tree: Json): Exchange {
  const { json, lines: _lines, ...rest } = exchange;
  if (json !== undefined) return { ...rest, json: tree };
  return { ...rest, lines: [...(tree as Json[]).map((line) => JSON.stringify(line)), ''] };
}
