import { describe, test } from '@jest/globals';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import {
  ALL,
  expectStep,
  HOUR,
  known,
  SETTLING,
  type StepRow,
  TIMEOUT,
  WATCHED,
} from '../../test/support/step-rows.js';

const rows: StepRow[] = [
  { reason: 'wanted and never sent', run: aRun(), step: { do: 'submit' } },
  {
    reason: 'an ended run has nothing due',
    run: aRun({ state: 'COMPLETED', finishedAt: NOW }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a held submit waits for a resume',
    run: aRun({ state: 'PAUSED', desired: 'paused' }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a pending registration is waited for, and said',
    run: aRun({ registration: 'PENDING' }),
    step: {
      do: 'rest',
      dueInMs: 15_000,
      reason: { code: 'registration-pending', message: 'The engine is still taking in the definition.' },
    },
  },
  {
    reason: 'F26: an outage alone fails no run, however long; the registrar says when the engine had its time',
    run: aRun({ registration: 'PENDING', createdAt: ago(HOUR) }),
    step: { do: 'rest', dueInMs: 15_000 },
  },
  {
    reason: 'a failed registration fails the run',
    run: aRun({ registration: 'FAILED' }),
    step: {
      do: 'fail',
      failure: {
        class: 'user',
        code: 'registration-failed',
        message: 'The engine did not accept the definition of this workflow.',
      },
      tombstoneMs: null,
    },
  },
  {
    reason: 'a version that takes no new runs keeps those it has',
    run: aRun({ registration: 'RETIRED' }),
    step: { do: 'submit' },
  },
  {
    reason: 'a visit planned at the end is for the tasks',
    run: aRun({ state: 'COMPLETED', finishedAt: NOW, nextActionAt: NOW }),
    step: { do: 'observe' },
  },
  {
    reason: 'rule 5: the generation before settles first, and that is said',
    run: aRun({ generation: 2, lastError: { ...SETTLING, at: ago(10_000).toISOString() } }),
    step: { do: 'rest', dueInMs: 50_000, reason: SETTLING },
  },
  {
    reason: 'rule 5: until the end of the grace, and no longer',
    run: aRun({ generation: 2, lastError: { ...SETTLING, at: ago(60_000).toISOString() } }),
    step: { do: 'submit' },
  },
  {
    reason: 'another error before the first call holds nothing back',
    run: aRun({ lastError: { ...TIMEOUT, at: ago(100).toISOString() } }),
    step: { do: 'submit' },
  },
  {
    reason: 'an accepted run that nobody watches is left to the reconciler',
    run: aRun({ state: 'RUNNING', observed: facts(), observedAt: ago(5_000), execution: known }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'an accepted run that was not seen yet is looked for',
    run: aRun({ state: 'SCHEDULED', execution: known }),
    step: { do: 'observe' },
  },
  {
    reason: 'every second',
    run: aRun({ state: 'SCHEDULED', execution: { ...known, attemptedAt: ago(400) } }),
    step: { do: 'rest', dueInMs: 600 },
  },
  {
    reason: 'for ten seconds',
    run: aRun({ state: 'SCHEDULED', execution: { ...known, attemptedAt: ago(10_000) } }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'one that came in without a call of ours is left to the reconciler',
    run: aRun({ state: 'SCHEDULED', execution: { ...known, attemptedAt: null } }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'unless somebody watches it, from its creation on',
    run: aRun({ ...WATCHED, state: 'SCHEDULED', createdAt: ago(300), execution: { ...known, attemptedAt: null } }),
    step: { do: 'rest', dueInMs: 700 },
  },
  {
    reason: 'a watched run that was just seen is left alone for the rest of the second',
    run: aRun({ ...WATCHED, state: 'RUNNING', observed: facts(), observedAt: ago(400), execution: known }),
    step: { do: 'rest', dueInMs: 600 },
  },
  {
    reason: 'a watched run is looked at after exactly a second',
    run: aRun({ ...WATCHED, state: 'RUNNING', observed: facts(), observedAt: ago(1_000), execution: known }),
    step: { do: 'observe' },
  },
  {
    reason: 'a run whose watch just ended is not watched',
    run: aRun({ state: 'RUNNING', observed: facts(), observedAt: ago(5_000), watchedUntil: NOW, execution: known }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a watched run is visited every second',
    run: aRun({
      state: 'RUNNING',
      observed: facts(),
      observedAt: ago(1_500),
      watchedUntil: new Date(NOW.getTime() + 5_000),
      execution: known,
    }),
    step: { do: 'observe' },
  },
  {
    reason: 'a pause is sent once',
    run: aRun({ state: 'RUNNING', desired: 'paused', observed: facts(), observedAt: ago(100), execution: known }),
    step: { do: 'pause' },
  },
  {
    reason: 'an engine that cannot pause is sent no pause',
    run: aRun({ state: 'RUNNING', desired: 'paused', observed: facts(), observedAt: ago(100), execution: known }),
    ctx: { capabilities: { dedupeHorizonMs: 0, verbs: { ...ALL, pause: 'none' } } },
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a pause that was sent is not sent again',
    run: aRun({
      state: 'PAUSED',
      desired: 'paused',
      observed: facts({ phase: 'paused' }),
      observedAt: ago(100),
      execution: { ...known, pauseSent: true },
    }),
    step: { do: 'rest' },
  },
  {
    reason: 'a resume takes back the pause we sent',
    run: aRun({
      state: 'PAUSED',
      observed: facts({ phase: 'paused' }),
      observedAt: ago(100),
      execution: { ...known, pauseSent: true },
    }),
    step: { do: 'resume' },
  },
];

describe('nextStep', () => {
  test.each(rows)('$reason: $step.do', expectStep);
});
