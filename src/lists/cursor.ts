import { contentHash } from '../../definition/canonical-json.js';
import type { Json } from '../../definition/definition-types.js';
import { assertNever } from '../platform/assert-never.js';
import { Problem } from '../platform/problem.js';
import { Remembered } from '../platform/remembered.js';
import { isTimestamp } from './query-values.js';

/** What a cursor belongs to: it is refused for any other list. */
export interface CursorScope {
  /** Which list, e.g. `workflow-runs`. */
  list: string;
  project: string;
  order: string;
  filters: Record<string, Json | undefined>;
}

/** The last entry of a page, in the texts or numbers that the list is ordered by. */
export type Position = (string | number)[];

/** What an entry of a position is to the database, which refuses anything else: `int` has 32 bits, `time` is RFC 3339. */
export type PositionKind = 'text' | 'time' | 'int' | 'bigint';

const FORM = 1;
const MAX_LENGTH = 2000;
const MAX_INT = 2_147_483_647;

/** Opaque to clients. It holds no secret: a forged one finds only what the caller may read anyway. */
export function encodeCursor(scope: CursorScope, position: Position): string {
  return Buffer.from(JSON.stringify([FORM, scopeDigest(scope), ...position])).toString('base64url');
}

/**
 * The position in a cursor. `kinds` are the types that each entry must have. A cursor of another project, order or filter,
 * and anything that is not a cursor, is a 422.
 */
export function decodeCursor(cursor: string, scope: CursorScope, kinds: readonly PositionKind[]): Position {
  const parts = read(cursor);
  if (parts === undefined) throw refused('It is not a cursor of this service.');
  const [form, digest, ...position] = parts;
  if (form !== FORM || typeof digest !== 'string') throw refused('It is not a cursor of this service.');
  if (digest !== scopeDigest(scope)) throw refused('It belongs to a list with another project, order or filter.');
  const sound = position.length === kinds.length && position.every((entry, index) => isOf(kinds[index], entry));
  if (!sound) throw refused('It is not a cursor of this service.');
  return position as Position;
}

/** Who pages through a list asks for its digest twice a page. */
const digests = new Remembered<string>(500);

function scopeDigest(scope: CursorScope): string {
  const text = JSON.stringify(scope);
  return digests.get(text) ?? digests.keep(text, newDigest(scope));
}

function newDigest(scope: CursorScope): string {
  const filters = Object.fromEntries(Object.entries(scope.filters).filter(([, value]) => value !== undefined)) as Json;
  return contentHash({ list: scope.list, project: scope.project, order: scope.order, filters }).slice(0, 16);
}

function read(cursor: string): unknown[] | undefined {
  if (cursor.length > MAX_LENGTH || !/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function isOf(kind: PositionKind | undefined, entry: unknown): boolean {
  switch (kind) {
    case undefined:
      return false;
    case 'text':
      return typeof entry === 'string' && !entry.includes('\0');
    case 'time':
      return isTimestamp(entry);
    case 'int':
      return Number.isSafeInteger(entry) && Math.abs(Number(entry)) <= MAX_INT;
    case 'bigint':
      return Number.isSafeInteger(entry);
    default:
      return assertNever('kind of a position', kind);
  }
}

function refused(message: string): Problem {
  return new Problem('validation-failed', {
    detail: 'The cursor cannot be used.',
    errors: [{ parameter: 'cursor', code: 'bad-cursor', message }],
  });
}
