import { describe, test } from '@jest/globals';
import { ago, aRun, facts } from '../../test/support/run-records.js';
import { cancelling, expectStep, known, type StepRow, TIMEOUT } from '../../test/support/step-rows.js';

const rows: StepRow[] = [
  {
    reason: 'a cancel that was not sent is sent',
    run: aRun({ state: 'CANCELLING', desired: 'cancelled', observed: facts(), execution: known }),
    step: { do: 'cancel', mode: 'graceful' },
  },
  {
    reason: 'a cancel under way is looked at, not repeated',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      observedAt: ago(2_000),
      execution: { ...known, cancelSentAt: ago(3_000), cancelMode: 'graceful' },
    }),
    step: { do: 'observe' },
  },
  {
    reason: 'a cancel under way is looked at every second at first',
    run: cancelling({ observedAt: ago(400), lastError: { ...TIMEOUT, at: '-' } }, { cancelSentAt: ago(3_000) }),
    step: { do: 'rest', dueInMs: 600, reason: TIMEOUT },
  },
  {
    reason: 'a cancel under way is looked at after exactly a second',
    run: cancelling({ observedAt: ago(1_000) }, { cancelSentAt: ago(3_000) }),
    step: { do: 'observe' },
  },
  {
    reason: 'and every five seconds after ten',
    run: cancelling({ observedAt: ago(2_000) }, { cancelSentAt: ago(10_000) }),
    step: { do: 'rest', dueInMs: 3_000 },
  },
  {
    reason: 'a cancel of a run that was never seen is looked at',
    run: cancelling({ observed: null, observedAt: null }, { cancelSentAt: ago(100) }),
    step: { do: 'observe' },
  },
  {
    reason: 'a cancel is not overdue in the last moment of its grace',
    run: cancelling({ observedAt: ago(5_000) }, { cancelSentAt: ago(60_000) }),
    step: { do: 'observe' },
  },
  {
    reason: 'a cancel that was forced is not forced again',
    run: cancelling({ observedAt: ago(5_000) }, { cancelSentAt: ago(90_000), cancelMode: 'force' }),
    step: { do: 'observe' },
  },
  {
    reason: 'an overdue cancel is forced',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      observedAt: ago(500),
      execution: { ...known, cancelSentAt: ago(61_000), cancelMode: 'graceful' },
    }),
    step: { do: 'cancel', mode: 'force' },
  },
  {
    reason: 'a cancel that may have been lost is sent again',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      execution: { ...known, cancelSentAt: ago(3_000), cancelMode: null },
    }),
    step: { do: 'cancel', mode: 'graceful' },
  },
  {
    reason: 'a forced cancel that may have been lost is sent again',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      execution: { ...known, cancelSentAt: ago(90_000), cancelMode: 'graceful' },
    }),
    step: { do: 'cancel', mode: 'force' },
  },
];

describe('nextStep, for a cancel', () => {
  test.each(rows)('$reason: $step.do', expectStep);
});
