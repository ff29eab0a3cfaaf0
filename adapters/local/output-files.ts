import { constants, closeSync, fstatSync, fsyncSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, OutputDeclaration, ValueType } from '../../definition/definition-types.js';
import type { Failure } from '../spi/facts.js';
import type { OutputDigest } from './attempt-folder.js';
import { sha256, syncFolder } from './attempt-folder.js';

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
    if (declaration.type !== undefined && !hasType(value, declaration.type)) {
      return refuse('output-type', `Output "${name}" is declared as ${declaration.type} and holds ${typeName(value)}.`);
    }
    outputs[name] = value;
  }
  return { outputs };
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

function withPlainFile<T>(path: string, work: (fd: number, bytes: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? work(fd, stat.size) : undefined;
  } finally {
    closeSync(fd);
  }
}

function readWhole(fd: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let at = 0;
  while (at < bytes) {
    const read = readSync(fd, buffer, at, bytes - at, at);
    if (read === 0) break;
    at += read;
  }
  return buffer.subarray(0, at);
}
