import { contentHash } from './canonical-json.js';
import { checkSchemas } from './check-params.js';
import { checkReferences } from './check-references.js';
import type { Finding } from './check-structure.js';
import { checkStructure } from './check-structure.js';
import { checkTasks } from './check-tasks.js';
import type { Definition, Diagnostic, Json, ParseResult } from './definition-types.js';
import { viewDocument } from './document-view.js';
import { toPointer } from './json-pointer.js';
import { normalise } from './normalise.js';
import type { ReadText } from './read-text.js';
import { readText } from './read-text.js';

/** More than anybody reads; the rest would only be weight in an answer. */
const MAX_DIAGNOSTICS = 200;

/** Codes that speak of a name rather than of its value. */
const ABOUT_KEYS: ReadonlySet<string> = new Set(['unknown-field', 'bad-name', 'duplicate-id', 'orphan-task']);

/**
 * Reads a `signalbox/v1` definition from YAML 1.2 or JSON. Every problem is told at once, each with its pointer, line
 * and column, errors before warnings in the order of the text. Never throws, whatever the text.
 */
export function parseDefinition(text: string): ParseResult {
  const read = readText(text);
  const { value } = read;
  if (value === undefined) return { ok: false, diagnostics: sorted(read.diagnostics) };
  const view = viewDocument(value);
  const findings = [...checkStructure(value), ...checkSchemas(view), ...checkTasks(view), ...checkReferences(view)];
  const diagnostics = sorted([...read.diagnostics, ...findings.map((finding) => toDiagnostic(finding, read))]);
  if (diagnostics.some(({ severity }) => severity === 'error')) return { ok: false, diagnostics };
  const definition = normalise(view);
  return { ok: true, definition, hash: definitionHash(definition), diagnostics };
}

/** sha256 of the canonical normalised form: equal for definitions that mean the same. */
export function definitionHash(definition: Definition): string {
  return contentHash(definition as unknown as Json);
}

/** Adds line and column to diagnostics about a text that know only their pointers. */
export function withPositions(text: string, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  if (diagnostics.length === 0) return [];
  const read = readText(text);
  return diagnostics.map((diagnostic) => ({ ...diagnostic, ...read.locate(diagnostic.pointer, 'key') }));
}

function toDiagnostic({ severity, code, message, path }: Finding, read: ReadText): Diagnostic {
  const pointer = toPointer(path);
  return { severity, code, message, pointer, ...read.locate(pointer, ABOUT_KEYS.has(code) ? 'key' : 'value') };
}

function sorted(diagnostics: Diagnostic[]): Diagnostic[] {
  const rank = ({ severity }: Diagnostic): number => (severity === 'error' ? 0 : 1);
  return [...diagnostics]
    .sort((a, b) => rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
    .slice(0, MAX_DIAGNOSTICS);
}
