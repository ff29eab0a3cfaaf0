// What the developers' commands say of themselves: --help, and what was wrong with the words they were given.
import { parseArgs } from 'node:util';

/** Ends with 0 and the usage, or with 2 and the complaint before it. */
export function endWithUsage(usage, complaint) {
  if (complaint === undefined) process.stdout.write(usage);
  else process.stderr.write(`${complaint}\n\n${usage}`);
  process.exit(complaint === undefined ? 0 : 2);
}

/** `options` of parseArgs and --help. Ends the process for --help and for options that there are not. */
export function readOptions(usage, options, allowPositionals = false) {
  const help = { type: 'boolean', short: 'h', default: false };
  try {
    const parsed = parseArgs({ options: { ...options, help }, allowPositionals });
    if (!parsed.values.help) return parsed;
  } catch (error) {
    // What follows is advice about positional arguments.
    endWithUsage(usage, error.message.replace(/\. .*/, '.'));
  }
  return endWithUsage(usage);
}
