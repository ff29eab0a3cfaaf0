import { swcOptions } from './scripts/swc-options.js';

// Tests run from the TypeScript sources as native ES modules; types are checked by the build.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/definition', '<rootDir>/adapters', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', swcOptions] },
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  setupFiles: ['<rootDir>/test/support/setup.ts'],
  maxWorkers: 2,
  testTimeout: 120_000,
};
