/** What is true of a real Argo alone, beside the conformance suite. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { World } from '../conformance/conformance-case.js';
import { baselineOf, taskRun, textOf } from '../conformance/expectations.js';
import { makeWorld } from '../conformance/world.js';
import type { EngineAdapter, WorkflowVersion } from '../spi/engine-adapter.js';
import { argoHarness } from './argo-conformance.test-support.js';
import { argoEndpoint, kubectl, NOT_UP, type ArgoEndpoint } from './argo-endpoint.test-support.js';
import { connectArgo } from './argo-lab.test-support.js';
import { argoEngine } from './argo.engine-kind.js';

const LIMIT_MS = 300_000;
const YOUNG_POD_MS = 12_000;
const endpoint = argoEndpoint();
const onReal = endpoint ? describe : describe.skip;

onReal(`a real Argo${endpoint ? '' : ` (${NOT_UP})`}`, () => {
  let adapter: EngineAdapter;
  let world: World;
  const argo = endpoint as ArgoEndpoint;

  beforeAll(async () => {
    adapter = await connectArgo(argo, 'server');
    world = makeWorld(adapter, await argoHarness(argo, 'server'));
  }, LIMIT_MS);

  afterAll(async () => {
    await world.harness.cleanUp();
    await adapter.close();
  }, LIMIT_MS);

  test(
    'restarts the failed part and keeps the earlier attempt, whose log it says to be gone',
    async () => {
      const { ref } = await world.start('failing-once');
      const failed = await world.ended(ref);
      const answer = await adapter.retry?.(ref, baselineOf(failed), world.ctx());
      expect(answer).toMatchObject({ outcome: 'accepted', externalId: ref.key, engineUid: failed.engineUid });
      const facts = await world.until(ref, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
      expect(taskRun(facts, 'first').attempt).toBe(1);
      expect(taskRun(facts, 'flaky').attempts).toMatchObject([
        { attempt: 1, state: 'FAILED', exitCode: 1 },
        { attempt: 2, state: 'COMPLETED', exitCode: 0 },
      ]);
      const log = (attempt: number): ReturnType<EngineAdapter['logs']> =>
        adapter.logs({ ref, task: 'flaky', attempt, limitBytes: 65_536 }, world.ctx());
      expect(await log(1)).toMatchObject({ source: 'none', reason: expect.stringContaining('retried') });
      expect(await textOf(await log(2))).toBe('attempt 2 of flaky\n');
    },
    LIMIT_MS,
  );

  test(
    'brings a run back the moment after it was stopped, while its pod still ends',
    async () => {
      const { ref } = await world.start('sleeping');
      await world.until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
      await adapter.cancel(ref, 'graceful', world.ctx());
      const stopped = await world.ended(ref);
      const answer = await adapter.retry?.(ref, baselineOf(stopped), world.ctx());
      expect(answer).toMatchObject({ outcome: 'accepted' });
      await world.until(ref, 'hold runs again', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
      await adapter.cancel(ref, 'force', world.ctx());
      await world.ended(ref);
    },
    LIMIT_MS,
  );

  test(
    'runs what is there already, by name, and describes it; what is not there is refused',
    async () => {
      const registered = await world.workflow('diamond', 'for a reference');
      const names = await kubectl(argo, 'get', 'workflowtemplates', '-n', argo.namespace, '-o', 'name');
      const name = names.split('\n').find((one) => one.includes('sb-for-a-reference')) ?? '';
      const text = `WorkflowTemplate/${name.split('/')[1] ?? ''}`;
      const reference: WorkflowVersion = {
        ...registered,
        title: 'a reference',
        definition: { format: 'reference', text },
      };
      expect(await adapter.validate(reference.definition, world.ctx())).toEqual({ diagnostics: [] });
      expect(await adapter.register(reference, world.ctx())).toEqual({ state: 'READY' });
      expect((await adapter.describe(reference, world.ctx())).tasks.map(({ title }) => title)).toEqual([
        'top',
        'left',
        'right',
        'bottom',
      ]);
      const sent = world.submission(reference);
      expect((await adapter.submit(sent, world.ctx())).outcome).toBe('accepted');
      expect((await world.ended(sent.ref)).phase).toBe('succeeded');
      const { diagnostics } = await adapter.validate({ format: 'reference', text: 'nobody' }, world.ctx());
      expect(diagnostics).toMatchObject([{ severity: 'error', code: 'reference-not-found' }]);
    },
    LIMIT_MS,
  );

  test('refuses a value that Argo would execute', async () => {
    const sent = world.submission(await world.workflow('linear'), { text: '{{=sprig.env("HOME")}}' });
    await expect(adapter.submit(sent, world.ctx())).rejects.toMatchObject({ code: 'rejected' });
    expect(await adapter.find(sent.ref, sent.marker, world.ctx())).toEqual({ outcome: 'absent' });
  });

  test(
    'reports a pod that somebody deleted as a failure of its task, not as a cancel',
    async () => {
      const { ref } = await world.start('sleeping');
      const holds = await world.until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
      const { startedAt } = taskRun(holds, 'hold');
      // A pod that goes in the first ten seconds of its node is made again (3.7.4), and the run goes on.
      await sleep((startedAt?.getTime() ?? Date.now()) + YOUNG_POD_MS - Date.now());
      const pods = ['-n', argo.namespace, '-l', `workflows.argoproj.io/workflow=${ref.key}`];
      await kubectl(argo, 'delete', 'pods', ...pods);
      const facts = await world.ended(ref);
      expect(facts).toMatchObject({ phase: 'failed', stopEvidence: false });
      expect(facts.failure).toMatchObject({ task_title: 'hold' });
      expect(taskRun(facts, 'hold').state).toBe('FAILED');
    },
    LIMIT_MS,
  );

  test('says unauthorized to a token that is none, and links to the page of a run', async () => {
    const { url, namespace } = argo;
    const host = { engineName: 'argo', installationId: 'x' } as Parameters<typeof argoEngine.create>[1];
    const stranger = await argoEngine.create({ url, namespace, token: 'nobody' }, host);
    await expect(stranger.ping(world.ctx())).rejects.toMatchObject({ code: 'unauthorized' });
    await stranger.close();
    const { ref } = await world.start('linear');
    const facts = await world.until(ref, 'it is there', () => true);
    expect(facts.engineUrl).toBe(`${url}/workflows/${namespace}/${ref.key}?uid=${facts.engineUid ?? ''}`);
    await world.ended(ref);
  }, 60_000);
});
