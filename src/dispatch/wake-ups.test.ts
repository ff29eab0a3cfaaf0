import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROLES } from '../roles.js';
import { created, Stage } from '../../test/support/stage.js';

/** Longer than a test may take: what arrives was woken for. */
const NEVER = { POLL_INTERVAL: '60s', RECONCILE_INTERVAL: '1h' };

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ roles: ROLES.api, env: NEVER });
  await stage.join({ api: false, worker: true, reconcile: false });
  await stage.workflow('woken', { id: 'only', duration_ms: 'hold' });
});
afterAll(() => stage.close());

test('a run that one process accepts is submitted by another before it polls', async () => {
  // The first look of a worker is at its start; the second run is nobody's but the wake-up's.
  for (const which of ['first', 'second']) {
    const { id } = created(await stage.api.post('/workflow-runs', { workflow: { title: 'woken' } }, { key: which }));
    const run = await stage.runs.reaches(id, 'SCHEDULED', 'RUNNING');
    expect(run.execution.outcome).toBe('known');
  }
});

test('runs that are accepted together are told together, and all of them submitted', async () => {
  const asked = Array.from({ length: 20 }, (_, which) =>
    stage.api.post('/workflow-runs', { workflow: { title: 'woken' } }, { key: `together-${which}` }),
  );
  for (const answer of asked) {
    const { id } = created(await answer);
    expect((await stage.runs.reaches(id, 'SCHEDULED', 'RUNNING')).execution.outcome).toBe('known');
  }
});
