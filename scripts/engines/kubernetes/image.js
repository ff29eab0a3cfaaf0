// Container images without Docker: an archive as `docker save` writes it, with one layer.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { outputOf } from './run-program.js';

const FOLDERS = ['bin', 'etc', 'tmp', 'usr/bin', 'var/run'];
const EPOCH = '1970-01-01T00:00:00Z';

/** `files` maps a program of this machine to its path in the image; `entrypoint` may be empty. */
export async function writeImage(file, { reference, entrypoint, files }) {
  const work = await mkdtemp(join(tmpdir(), 'signalbox-image-'));
  try {
    await writeRoot(join(work, 'root'), files);
    const same = ['--numeric-owner', '--owner=0', '--group=0', '--mtime=@0', '--sort=name'];
    await outputOf('tar', [...same, '-cf', join(work, 'layer.tar'), '-C', join(work, 'root'), '.'], { seconds: 300 });
    const config = {
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: EPOCH,
      config: {
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
        WorkingDir: '/',
        ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await digestOf(join(work, 'layer.tar'))}`] },
      history: [{ created: EPOCH }],
    };
    const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }];
    await writeFile(join(work, 'config.json'), JSON.stringify(config));
    await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest));
    const parts = ['manifest.json', 'config.json', 'layer.tar'];
    await outputOf('tar', ['-cf', `${file}.new`, '-C', work, ...parts], { seconds: 300 });
    await rename(`${file}.new`, file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function writeRoot(root, files) {
  for (const folder of FOLDERS) await mkdir(join(root, folder), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  for (const [source, place] of Object.entries(files)) {
    const target = join(root, place);
    await mkdir(dirname(target), { recursive: true });
    await cp(source, target);
    await chmod(target, 0o755);
    if (place === 'bin/busybox') await linkApplets(source, dirname(target));
  }
}

async function linkApplets(busybox, folder) {
  const applets = (await outputOf(busybox, ['--list'])).split('\n');
  for (const applet of applets.filter((name) => name !== 'busybox')) await symlink('busybox', join(folder, applet));
}

async function digestOf(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
