import { fsyncSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, OutputDeclaration, ValueType } from '../../definition/definition-types.js';
import type { Failure } from '../spi/facts.js';
import type { OutputDigest } from './attempt-folder.js';
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
    if (!hasFiniteNumbers(value)) {
      return refuse('output-invalid', `Output "${name}" holds a number that is beyond all numbers.`);
    }
    if (declaration.type !== undefined && !hasType(value, declaration.type)) {
      return refuse('output-type', `Output "${name}" is declared as ${declaration.type} and holds ${typeName(value)}.`);
    }
    outputs[name] = value;
  }
  return { outputs };
}

/** JSON can write numbers that no double is, and nobody can hand on what they become. Without recursion: a list may be deep. */
function hasFiniteNumbers(value: Json): boolean {
  const open: Json[] = [value];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (typeof at === 'number' && !Number.isFinite(at)) return false;
    if (at !== null && typeof at === 'object') for (const inner of Object.values(at)) open.push(inner);
  }
  return true;
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
