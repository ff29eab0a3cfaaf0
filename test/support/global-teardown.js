export default async function globalTeardown() {
  await globalThis.signalboxCluster?.stop();
}
