// What an engine knows, put aside and put back: how an engine comes back from a backup.
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

const saved = (folder) => `${folder}.saved`;

/** The engine is down meanwhile. */
export async function saveMemory(engine, lab) {
  const folders = await engine.memory(lab);
  await engine.down(lab);
  try {
    for (const folder of folders) await replace(lab, folder, saved(folder));
  } finally {
    await engine.up(lab);
  }
}

/** As often as wanted. Throws where nothing was saved. */
export async function restoreMemory(engine, lab) {
  const folders = await engine.memory(lab);
  const missing = folders.find((folder) => !existsSync(saved(folder)));
  if (missing !== undefined) throw new Error(`nothing was saved: there is no ${saved(missing)}`);
  await engine.down(lab);
  try {
    for (const folder of folders) await replace(lab, saved(folder), folder);
  } finally {
    await engine.up(lab);
  }
}

/** Whole or not at all, with owners and rights: a database looks at them. */
async function replace(lab, from, to) {
  const incoming = `${to}.incoming`;
  await rm(incoming, { recursive: true, force: true });
  await lab.run('cp', ['-a', from, incoming], { log: 'memory' });
  await rm(to, { recursive: true, force: true });
  await rename(incoming, to);
}
