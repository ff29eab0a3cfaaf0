import { expect, test } from '@jest/globals';
import { allowedActions } from './allowed-actions.js';

test('every request is there, with whether it would change something now, and why not', () => {
  const run = {
    state: 'RUNNING',
    desired: 'run',
    generation: 1,
    execution: { outcome: 'known', pauseSent: false },
  } as const;
  expect(allowedActions(run, { pause: 'none', resume: 'native' })).toEqual([
    { action: 'CANCEL', available: true },
    { action: 'RETRY', available: false, reason: 'the run has not ended yet' },
    { action: 'PAUSE', available: false, reason: 'the engine cannot pause a run' },
    { action: 'RESUME', available: false, reason: 'the run is not paused' },
  ]);
});
