import base from './jest.config.js';

/** Tests of pure files under Stryker: without PostgreSQL, and only those that scripts/mutate.js names. */
export default {
  ...base,
  globalSetup: undefined,
  globalTeardown: undefined,
  setupFiles: [...base.setupFiles, '<rootDir>/test/support/mutation-setup.ts'],
  testMatch: [`<rootDir>/${process.env.SIGNALBOX_MUTATION_TEST}`],
  // Hundreds of runs one after the other: no process is started to look for files.
  watchman: false,
  haste: { forceNodeFilesystemAPI: true },
};
