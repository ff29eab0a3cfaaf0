import { readFileSync } from 'node:fs';
import { CliError } from './cli-error.js';

/** A file's text, or standard input for `-`. Throws `CliError`. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : (cause as Error).message;
    throw new CliError(`${file === '-' ? 'Standard input' : file} cannot be read: ${why}.`, { cause });
  }
}
