/** Mutation testing of what decides without input or output; `npm run mutate` runs it for one file after the other. */
export default {
  mutate: [
    'src/lifecycle/run-state.ts',
    'src/lifecycle/allowed-actions.ts',
    'src/lifecycle/with-request.ts',
    'src/lifecycle/request-answer.ts',
    'src/lifecycle/fold.ts',
    'src/lifecycle/refold.ts',
    'src/reconcile/decide.ts',
    'src/dispatch/next-step.ts',
    'src/dispatch/after-call.ts',
    'src/labels/label-selector.ts',
    'src/lists/cursor.ts',
    'src/platform/idempotency-fingerprint.ts',
  ],
  packageManager: 'npm',
  plugins: ['@stryker-mutator/jest-runner'],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: { projectType: 'custom', configFile: 'jest.mutation.config.js', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // Native modules are never unloaded: a fresh process now and then keeps the memory in bounds.
  maxTestRunnerReuse: 100,
  // A mutant that only loops counts as killed; a busy machine is no loop.
  timeoutMS: 30_000,
  ignorePatterns: ['/dist', '/docs', '/examples', '/openapi', '/.signalbox', '/bin'],
  tempDirName: 'coverage/stryker',
  reporters: [],
  logLevel: 'error',
  warnings: { slow: false },
};
