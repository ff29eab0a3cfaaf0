import { fsyncSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, OutputDeclaration, ValueType } from '../../definition/definition-types.js';
import type { Failure } from '../spi/facts.js';
import type { OutputDigest } from './record-shapes.js';
import { sha256, syncFolder } from './attempt-folder.js';
import { readWhole, withPlainFile } from './plain-file.js';

/**
 * Syncs and digests the declared outputs in `folder`. A file above `limitBytes` is measured, not read; what is not a
 * plain file (a pipe would block for ever, a link could lead anywhere) counts as not written.
 */
export function digestOutputs(
  folder: string,
  names: readonly string[],
  limitBytes: number,
): Record<string, OutputDigest> {
  const digests: Record<string, OutputDigest> = {};
  // The task may have put a link to another folder in its place.
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return digests;
  for (const name of names) {
    const digest = withPlainFile(join(folder, name), (fd, bytes): OutputDigest => {
      fsyncSync(fd);
      return bytes > limitBytes ? { bytes } : { bytes, sha256: sha256(readWhole(fd, bytes)) };
    });
    if (digest !== undefined) digests[name] = digest;
  }
  if (Object.keys(digests).length > 0) syncFolder(folder);
  return digests;
}

export type OutputValues = { outputs: Record<string, Json> } | { failure: Failure };

/**
 * The outputs of an attempt that ended, as its exit record attests them, checked against their declarations.
 * `failure` says which one breaks the contract.
 */
export function readOutputs(
  folder: string,
  declared: Readonly<Record<string, OutputDeclaration>>,
  digests: Readonly<Record<string, OutputDigest>>,
  limitBytes: number,
): OutputValues {
  const outputs: Record<string, Json> = {};
  const total = Object.values(digests).reduce((sum, digest) => sum + digest.bytes, 0);
  if (total > limitBytes) {
    return refuse('output-too-large', `The outputs hold ${total} bytes; together they may hold ${limitBytes}.`);
  }
  for (const [name, declaration] of Object.entries(declared)) {
    const digest = Object.hasOwn(digests, name) ? digests[name] : undefined;
    if (digest === undefined) {
      if (declaration.default === undefined) {
        return refuse('output-missing', `The task did not write $SIGNALBOX_DIR/outputs/${name}.`);
      }
      outputs[name] = declaration.default;
      continue;
    }
    const bytes = withPlainFile(join(folder, name), (fd, size) => readWhole(fd, Math.min(size, limitBytes + 1)));
    if (bytes === undefined || sha256(bytes) !== digest.sha256) {
      return {
        failure: {
          class: 'platform',
          code: 'output-changed',
          message: `The file of output "${name}" is not the one that the exit record attests.`,
        },
      };
    }
    let value: Json;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
    } catch {
      return refuse('output-invalid', `Output "${name}" is not JSON; a text stands in double quotes.`);
    }
    const fault = faultOf(value);
    if (fault !== undefined) return refuse('output-invalid', `Output "${name}" ${fault}.`);
    if (declaration.type !== undefined && !hasType(value, declaration.type)) {
      return refuse('output-type', `Output "${name}" is declared as ${declaration.type} and holds ${typeName(value)}.`);
    }
    outputs[name] = value;
  }
  return { outputs };
}

/** Levels of lists and objects in an output, at most: as many as a body may have. */
const MAX_DEPTH = 64;

/**
 * What JSON can write and nobody can hand on: numbers that no double is, and nesting that whoever walks it pays for many
 * times over. Without recursion, for that reason.
 */
function faultOf(value: Json): string | undefined {
  const open: { at: Json; depth: number }[] = [{ at: value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { at, depth } = next;
    if (typeof at === 'number' && !Number.isFinite(at)) return 'holds a number that is beyond all numbers';
    if (at === null || typeof at !== 'object') continue;
    if (depth === MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
    for (const inner of Object.values(at)) open.push({ at: inner, depth: depth + 1 });
  }
  return undefined;
}

export function hasType(value: Json, type: ValueType): boolean {
  switch (type) {
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeName(value) === 'object';
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type;
  }
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function refuse(code: string, message: string): { failure: Failure } {
  return { failure: { class: 'user', code, message } };
}
