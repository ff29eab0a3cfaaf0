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
    throw new CliError(`${out} cannot be written: ${whyNot(cause as NodeJS.ErrnoException)}.`, { cause });
  }
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such folder';
    case 'EISDIR':
      return 'it is a folder';
    case 'EEXIST':
    case 'ENOTDIR':
      return 'a file stands where a folder is needed';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'it is not allowed';
    default:
      return message;
  }
}
