import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createExclusively, makeFolder } from './attempt-folder.js';
import type { ProcessIdentity } from './process-identity.js';
import { lifeOf, ownIdentity } from './process-identity.js';

/** Another process owns the data directory. The message is one sentence for the operator; the exit code is 3. */
export class DataDirectoryInUse extends Error {
  readonly exitCode = 3;

  constructor(folder: string, by: string) {
    super(`The data directory ${folder} is in use by ${by}; stop that one or choose another DATA_DIR.`);
    this.name = 'DataDirectoryInUse';
  }
}

export interface DirectoryLock {
  release(): void;
}

const NAME = /^owner\.([0-9]+)$/;

/**
 * Makes this process the owner of `folder`, or throws `DataDirectoryInUse`.
 *
 * Node has no flock, so owners are numbered files: whoever creates `owner.N+1` after `owner.N` was found dead or released
 * is the owner. Creating is exclusive, numbers only grow and the highest is never removed, so there is no moment at
 * which two processes that judged the same dead owner could both follow it. An owner on another machine or in another
 * pid namespace cannot be judged from here; whether that one lives is what the lease in the database says.
 */
export function lockDirectory(folder: string): DirectoryLock {
  makeFolder(folder);
  const self = ownIdentity();
  for (;;) {
    const last = highestOwner(folder);
    const owner = last === 0 || isReleased(folder, last) ? undefined : readOwner(folder, last);
    if (owner !== undefined && lifeOf(owner) === 'alive') throw new DataDirectoryInUse(folder, `process ${owner.pid}`);
    const mine = last + 1;
    if (!createExclusively(ownerFile(folder, mine), JSON.stringify(self))) continue;
    removeOlder(folder, mine);
    return { release: () => void createExclusively(`${ownerFile(folder, mine)}.released`, '') };
  }
}

function highestOwner(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map((name) => Number(NAME.exec(name)?.[1] ?? 0)));
}

/** Undefined when a newer owner has just removed it. */
function readOwner(folder: string, number: number): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(ownerFile(folder, number), 'utf8')) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isReleased(folder: string, number: number): boolean {
  return existsSync(`${ownerFile(folder, number)}.released`);
}

function ownerFile(folder: string, number: number): string {
  return join(folder, `owner.${number}`);
}

function removeOlder(folder: string, mine: number): void {
  for (const name of readdirSync(folder)) {
    const number = Number(/^owner\.([0-9]+)(\.released)?$/.exec(name)?.[1] ?? mine);
    if (number < mine) rmSync(join(folder, name), { force: true });
  }
}
