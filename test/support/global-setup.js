import '../../scripts/typescript-loader.js';

/** One real PostgreSQL per test run; every test file clones its own database from a migrated template. */
export default async function globalSetup() {
  const { startTestCluster } = await import(new URL('./test-cluster.ts', import.meta.url).href);
  globalThis.signalboxCluster = await startTestCluster();
  process.env.SIGNALBOX_TEST_POSTGRES = globalThis.signalboxCluster.url;
}
