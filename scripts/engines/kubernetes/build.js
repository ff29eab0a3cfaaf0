// Installs and builds what the lab consists of, once: packages of Debian, Go programs from their modules, images from those.
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeImage } from './image.js';
import { ARGO_MODULE, ARGO_VERSION, KUBERNETES_VERSION, SOURCES, placesOf } from './places.js';
import { outputOf, succeeds } from './run-program.js';

const PACKAGES = [
  'etcd-server',
  'containerd',
  'runc',
  'containernetworking-plugins',
  'busybox-static',
  'iptables',
  'conntrack',
  'postgresql',
];
const GO_ENVIRONMENT = { ...process.env, CGO_ENABLED: '0' };
const BUSYBOX = '/bin/busybox';
const ARGO_PROGRAMS = ['argo', 'argoexec', 'workflow-controller'];

export async function build(lab) {
  const places = placesOf(lab);
  for (const folder of [places.bin, places.images]) await mkdir(folder, { recursive: true });
  await installPackages(lab);
  await buildKubernetes(lab, places);
  await buildArgo(lab, places);
  await buildImages(places);
}

async function installPackages(lab) {
  const installed = await Promise.all(PACKAGES.map((name) => succeeds('dpkg', ['-s', name])));
  const missing = PACKAGES.filter((_, at) => !installed[at]);
  if (missing.length === 0) return;
  lab.say(`installing ${missing.join(', ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await lab.run('apt-get', ['update', '-qq'], { env });
  await lab.run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
}

/** One program for all parts of Kubernetes. The version has to be stamped: components compare it. */
async function buildKubernetes(lab, places) {
  if (existsSync(places.kube)) return;
  lab.say(`building Kubernetes ${KUBERNETES_VERSION} (11 minutes of processor time) ...`);
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION);
  const stamps = {
    'k8s.io/component-base/version.gitVersion': KUBERNETES_VERSION,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
    'k8s.io/client-go/pkg/version.gitVersion': KUBERNETES_VERSION,
  };
  const args = ['-C', join(SOURCES, 'kube'), 'build', '-mod=readonly', '-trimpath', '-ldflags', linkerFlags(stamps)];
  await lab.run('go', [...args, '-o', `${places.kube}.new`, '.'], { env: GO_ENVIRONMENT });
  await rename(`${places.kube}.new`, places.kube);
}

/**
 * `go install` refuses Argo's module, since it replaces another one; its archive lacks the built web page and a file that is
 * a link in git. So the module is a replacement itself, through a link, and an overlay supplies what is missing.
 */
async function buildArgo(lab, places) {
  const work = join(lab.folder, 'argo-build');
  if (!existsSync(join(work, 'go.mod'))) {
    await mkdir(work, { recursive: true });
    for (const file of ['go.mod', 'go.sum']) await cp(join(SOURCES, 'argo', file), join(work, file));
  }
  const env = { ...GO_ENVIRONMENT, GOFLAGS: '-mod=mod' };
  const download = ['-C', work, 'mod', 'download', '-json', `${ARGO_MODULE}@${ARGO_VERSION}`];
  const module = JSON.parse(await outputOf('go', download, { env, seconds: 600 })).Dir;
  await writeFile(places.modules, module);
  if (ARGO_PROGRAMS.every((name) => existsSync(join(places.bin, name)))) return;

  lab.say(`building Argo Workflows ${ARGO_VERSION} (8 minutes of processor time) ...`);
  const link = join(work, 'src');
  await rm(link, { force: true });
  await symlink(module, link);
  await writeFile(join(work, 'index.html'), '<!doctype html><title>no page</title>');
  const specific = join(link, 'workflow', 'executor', 'osspecific');
  const overlay = {
    [join(link, 'ui', 'dist', 'app', 'index.html')]: join(work, 'index.html'),
    [join(specific, 'signal_linux.go')]: join(specific, 'signal_darwin.go'),
  };
  await writeFile(join(work, 'overlay.json'), JSON.stringify({ Replace: overlay }));
  const stamps = Object.fromEntries(
    Object.entries({ version: ARGO_VERSION, gitTag: ARGO_VERSION, gitCommit: ARGO_VERSION, gitTreeState: 'clean' }).map(
      ([name, value]) => [`${ARGO_MODULE}.${name}`, value],
    ),
  );
  const args = ['-C', work, 'build', '-mod=readonly', '-trimpath', '-overlay', 'overlay.json'];
  const programs = ARGO_PROGRAMS.map((name) => `${ARGO_MODULE}/cmd/${name}`);
  await lab.run('go', [...args, '-ldflags', linkerFlags(stamps), '-o', `${places.bin}/`, ...programs], {
    env: GO_ENVIRONMENT,
  });
}

async function buildImages(places) {
  const busybox = { [BUSYBOX]: 'bin/busybox' };
  const programs = Object.fromEntries(ARGO_PROGRAMS.map((name) => [join(places.bin, name), `bin/${name}`]));
  const image = async (name, reference, files, entrypoint = []) => {
    const file = join(places.images, `${name}.tar`);
    if (!existsSync(file)) await writeImage(file, { reference, entrypoint, files });
  };
  await image('busybox', 'localhost/busybox:1', busybox);
  // Containers of a pod share what this one holds; it only has to stay.
  await image('pause', 'localhost/pause:1', busybox, ['/bin/busybox', 'sleep', '2147483647']);
  await image('argo', `localhost/argo:${ARGO_VERSION.slice(1)}`, { ...busybox, ...programs });
}

function linkerFlags(stamps) {
  return ['-s', '-w', ...Object.entries(stamps).map(([name, value]) => `-X ${name}=${value}`)].join(' ');
}
