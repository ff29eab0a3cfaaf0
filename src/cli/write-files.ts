import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CliError } from './cli-error.js';

/** One file to `out` itself, several into a folder of that name; none is nothing. Throws `CliError`. */
export function writeFiles(files: readonly { name: string; text: string }[], out: string): void {
  try {
    const [first, ...more] = files;
    if (more.length === 0) return first === undefined ? undefined : writeFileSync(out, first.text);
    mkdirSync(out, { recursive: true });
    for (const { name, text } of files) writeFileSync(join(out, basename(name)), text);
  } catch (cause) {
    throw new CliError(`${out} cannot be written: ${(cause as Error).message}.`, { cause });
  }
}
