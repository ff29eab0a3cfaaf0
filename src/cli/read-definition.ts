import type { ParseResult } from '../../definition/definition-types.js';
import { CliError } from './cli-error.js';
import { diagnosticLine } from './diagnostic-line.js';
import { readText } from './read-text.js';
import type { Terminal } from './terminal.js';

export type ReadDefinition = Extract<ParseResult, { ok: true }> & { text: string };

/** A portable definition from a file; warnings are talked about. Throws `CliError` with every error of the text. */
export async function readDefinition(file: string, terminal: Terminal): Promise<ReadDefinition> {
  const { parseDefinition } = await import('../../definition/parse-definition.js');
  const text = readText(file);
  const parsed = parseDefinition(text);
  const lines = parsed.diagnostics.map((diagnostic) => diagnosticLine(file, diagnostic));
  if (!parsed.ok) throw new CliError(`${file} is not a valid definition.`, { items: lines });
  for (const line of lines) terminal.talk(line);
  return { ...parsed, text };
}
