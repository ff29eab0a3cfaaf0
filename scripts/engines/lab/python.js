// Python packages of an engine, pinned, in an environment of their own.
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SUPPORTED = ['python3.11', 'python3.12', 'python3.10'];

/** The folder of the environment's programs. Installs when the pins changed since; `requirements` is a file. */
export async function pythonEnvironment(lab, requirements) {
  const folder = join(lab.folder, 'venv');
  const stamp = join(folder, 'requirements.sha256');
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) !== digest) {
    lab.say(`installing ${requirements.split('/').slice(-2).join('/')} (a minute or two) ...`);
    await rm(folder, { recursive: true, force: true });
    await lab.run(await findPython(), ['-m', 'venv', folder]);
    const pip = ['install', '--quiet', '--no-input', '--disable-pip-version-check', '-r', requirements];
    await lab.run(join(folder, 'bin', 'pip'), pip);
    await writeFile(stamp, digest);
  }
  return join(folder, 'bin');
}

async function findPython() {
  for (const program of SUPPORTED) {
    const found = await promisify(execFile)(program, ['--version']).catch(() => undefined);
    if (found) return program;
  }
  throw new Error(`one of ${SUPPORTED.join(', ')} is needed`);
}
