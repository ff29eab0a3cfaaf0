// What an engine knows, put aside and put back: how an engine comes back from a backup.
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

const saved = (folder) => `${folder}.saved`;

/** The engine is down meanwhile. */
export async function saveMemory(engine, lab) {
  const folders = await engine.memory(lab);
  await engine.down(lab);
  for (const folder of folders) {
    await rm(saved(folder), { recursive: true, force: true });
    await copy(lab, folder, saved(folder));
  }
  await engine.up(lab);
}

/** As often as wanted. Throws where nothing was saved. */
export async function restoreMemory(engine, lab) {
  const folders = await engine.memory(lab);
  const missing = folders.find((folder) => !existsSync(saved(folder)));
  if (missing !== undefined) throw new Error(`nothing was saved: there is no ${saved(missing)}`);
  await engine.down(lab);
  for (const folder of folders) {
    const incoming = `${folder}.restored`;
    await rm(incoming, { recursive: true, force: true });
    await copy(lab, saved(folder), incoming);
    await rm(folder, { recursive: true });
    await rename(incoming, folder);
  }
  await engine.up(lab);
}

/** With owners and rights: a database looks at them. */
function copy(lab, from, to) {
  return lab.run('cp', ['-a', from, to], { log: 'memory' });
}
