/** What one call of a verb asked of a real engine and what came back, as a file that people can read. */
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { Json } from '../../../definition/definition-types.js';
import type { VerbCall, VerbOutcome } from './verb-call.js';

export const DIALECTS = ['airflow2', 'airflow3', 'argo', 'argo-kubernetes'] as const;
export type Dialect = (typeof DIALECTS)[number];

export interface Exchange {
  method: string;
  /** With its query. */
  path: string;
  status: number;
  /** Those that somebody reads: the type, the engine's clock, when to come again. */
  headers: Record<string, string>;
  /** The body where it is one JSON value. */
  json?: Json;
  /** The lines of any other body, none where there is no body. */
  lines?: string[];
}

export interface Recording {
  /** Version of the engine, as `ping` told it. */
  engine: string;
  /** What the adapter was asked. */
  call: VerbCall;
  exchanges: Exchange[];
  /** What the adapter made of it. */
  outcome: VerbOutcome;
}

const LINE_LENGTH = 1_000;
const FOLDER = fileURLToPath(new URL('../../engines/recorded/', import.meta.url));

/** By the name of the scenario. */
export function readRecordings(dialect: Dialect): Map<string, Recording> {
  return new Map([...textsOf(dialect)].map(([scenario, text]) => [scenario, JSON.parse(text) as Recording]));
}

/** The files themselves. */
export function textsOf(dialect: Dialect): Map<string, string> {
  const folder = join(FOLDER, dialect);
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return new Map(files.sort().map((file) => [file.replace(/\.json$/, ''), readFileSync(join(folder, file), 'utf8')]));
}

/** In the place of all that was recorded of the dialect before. */
export async function writeRecordings(dialect: Dialect, recordings: ReadonlyMap<string, Recording>): Promise<void> {
  const folder = join(FOLDER, dialect);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [scenario, recording] of recordings) {
    await writeFile(join(folder, `${scenario}.json`), `${toText(recording as unknown as Json)}\n`);
  }
}

/** A row of a list, or any other value, in one line as long as that can be read. */
function toText(value: Json, indent = ''): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || line.length <= LINE_LENGTH) return line;
  const inner = `${indent} `;
  const parts = Array.isArray(value)
    ? value.map((one) => inner + toText(one, inner))
    : Object.entries(value).map(([name, one]) => `${inner}${JSON.stringify(name)}: ${toText(one, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}

/** The bytes of a recorded body. */
export function bodyOf({ json, lines }: Exchange): string {
  return json === undefined ? (lines ?? []).join('\n') : JSON.stringify(json);
}
