// The bridge that all pods are on, and what containers leave behind in the kernel.
import { readFile, readdir } from 'node:fs/promises';
import { BRIDGE, NODE_IP } from './places.js';
import { outputOf, succeeds } from './run-program.js';

export async function makeBridge() {
  if (!(await succeeds('ip', ['link', 'show', BRIDGE]))) {
    await outputOf('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
    await outputOf('ip', ['addr', 'add', `${NODE_IP}/22`, 'dev', BRIDGE]);
    await outputOf('ip', ['link', 'set', BRIDGE, 'up']);
  }
  await outputOf('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  // There only once the kernel has its bridge filter loaded.
  await succeeds('sysctl', ['-qw', 'net.bridge.bridge-nf-call-iptables=1']);
}

export async function removeBridge() {
  const names = await readdir('/run/netns').catch(() => []);
  for (const name of names.filter((one) => one.startsWith('cni-'))) await succeeds('ip', ['netns', 'del', name]);
  await succeeds('ip', ['link', 'del', BRIDGE]);
}

/** Everything mounted below these folders, and the network namespaces of pods; the innermost first. */
export async function unmountBelow(folders) {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  const ours = (path) =>
    folders.some((folder) => path.startsWith(`${folder}/`)) || /^(\/var)?\/run\/netns\/cni-/.test(path);
  for (const path of mounts.filter(ours).sort().reverse()) await succeeds('umount', ['-l', path]);
}
