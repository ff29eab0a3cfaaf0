/** What a retry says of a run that it may not clear; what it clears is seen on a real Airflow. */
import { expect, test } from '@jest/globals';
import type { CallContext } from '../spi/engine-adapter.js';
import type { ExecutionRef } from '../spi/facts.js';
import type { AirflowRuns } from './airflow-runs.js';
import { withRunStop } from './marks.js';
import { AirflowSteering } from './steer.js';
import { readRun } from './to-run.js';

const BEGAN = '2026-03-01T10:00:00.123456+00:00';
const STOPPED = withRunStop(null, new Date('2026-03-01T10:00:01.000Z'));

const REF = { key: 'sb-x-g1' } as ExecutionRef;
const retry = (note: string | null, began: string): Promise<unknown> => {
  const json = { dag_id: 'd', dag_run_id: 'sb-x-g1', state: 'running', note, start_date: began, end_date: null };
  const runs = { read: () => Promise.resolve(readRun(json)) } as unknown as AirflowRuns;
  return new AirflowSteering(runs).retry(REF, BEGAN, {} as CallContext);
};

test('a stopped run that shows itself as running once more is retried later: nobody has cleared it', async () => {
  await expect(retry(STOPPED, BEGAN)).rejects.toMatchObject({ code: 'conflict' });
});

test.each([
  { reason: 'somebody else has cleared', note: STOPPED, began: '2026-03-01T10:00:02.000000+00:00' },
  { reason: 'nobody has stopped', note: null, began: BEGAN },
])('a run that $reason and that runs is active again', async ({ note, began }) => {
  expect(await retry(note, began)).toEqual({ outcome: 'active-again' });
});
