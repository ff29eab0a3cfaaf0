import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** What a program prints. Throws when it fails or takes longer than `seconds`. */
export async function outputOf(program, args, { env = {}, cwd, seconds = 60 } = {}) {
  const options = { env: { ...process.env, PATH, ...env }, maxBuffer: OUTPUT_LIMIT_BYTES, timeout: seconds * 1000 };
  const { stdout } = await promisify(execFile)(program, args, cwd === undefined ? options : { ...options, cwd });
  return stdout.trim();
}

/** True when it ends well. */
export async function succeeds(program, args, options) {
  return outputOf(program, args, options).then(
    () => true,
    () => false,
  );
}
