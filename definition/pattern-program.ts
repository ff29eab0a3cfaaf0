import { RE2JS } from 're2js';
import type { Json } from './definition-types.js';

/**
 * A pattern as the program that RE2 makes of it, for whoever has no RE2: states with what they do. `["read", ranges, next]`
 * takes one character, `["look", places, next]` none, `["go", nexts]` is in all of them, `["match"]` has found it and
 * `["stop"]` never will.
 */
export interface PatternProgram {
  source: string;
  start: number;
  steps: Json[];
}

/** An instruction of RE2JS. Its documentation does not show it: every use is checked. */
interface Instruction {
  op: number;
  out: number;
  arg: number;
  runes: ArrayLike<number>;
  matchRune(point: number): boolean;
}

const LAST_POINT = 0x10ffff;
const LINE_END = 10;

const PLACES: readonly (readonly [flag: number, place: string])[] = [
  [1, 'begin-line'],
  [2, 'end-line'],
  [4, 'begin-text'],
  [8, 'end-text'],
  [16, 'word-border'],
  [32, 'no-word-border'],
];

/** @throws Error for what is no pattern, or where the program of RE2JS is none that is known here. */
export function patternProgram(source: string): PatternProgram {
  const { inst, start } = programOf(RE2JS.compile(source));
  return { source, start, steps: inst.map((instruction): Json => toStep(instruction)) };
}

function toStep(instruction: Instruction): Json {
  const { op, out, arg } = instruction;
  switch (op) {
    case 1:
    case 2:
      return ['go', [out, arg]];
    case 3:
    case 7:
      return ['go', [out]];
    case 4:
      return ['look', PLACES.filter(([flag]) => (arg & flag) !== 0).map(([, place]) => place), out];
    case 5:
      return ['stop'];
    case 6:
      return ['match'];
    case 8:
    case 9:
      return ['read', rangesOf(instruction), out];
    case 10:
      return ['read', [[0, LAST_POINT]], out];
    case 11:
      return [
        'read',
        [
          [0, LINE_END - 1],
          [LINE_END + 1, LAST_POINT],
        ],
        out,
      ];
    default:
      throw new Error(`a pattern with the operation ${op}, which is not known here`);
  }
}

function rangesOf(instruction: Instruction): Json[] {
  const runes = Array.from(instruction.runes);
  if (runes.length !== 1) {
    return Array.from({ length: runes.length / 2 }, (_, at) => [runes[2 * at] ?? 0, runes[2 * at + 1] ?? 0]);
  }
  const [only = 0] = runes;
  return instruction.arg === 0 ? [[only, only]] : variantsOf(only, instruction);
}

const variants = new Map<number, Json[]>();

/** A character in whatever case: there may be more than two. */
function variantsOf(point: number, instruction: Instruction): Json[] {
  const known = variants.get(point);
  if (known !== undefined) return known;
  const found: Json[] = [];
  for (let other = 0; other <= LAST_POINT; other += 1) if (instruction.matchRune(other)) found.push([other, other]);
  variants.set(point, found);
  return found;
}

function programOf(pattern: unknown): { inst: Instruction[]; start: number } {
  const { prog } = ((pattern as { re2Input?: unknown }).re2Input ?? {}) as { prog?: unknown };
  const { inst, start } = (prog ?? {}) as { inst?: unknown; start?: unknown };
  if (!Array.isArray(inst) || typeof start !== 'number') throw new Error('this RE2JS shows no program of a pattern');
  return { inst: inst as Instruction[], start };
}
