import { expect, test } from '@jest/globals';
import { DataDirectoryInUse } from './data-directory-lock.js';
import {
  databaseOfThisFile,
  processesWith,
  silent,
  startEngine,
  taskRun,
  workflow,
} from './local-engine.test-support.js';
import type { NodeOwner } from './node-lease.js';
import { releaseLease, renewLease, takeLease } from './node-lease.js';
import { ownIdentity } from './process-identity.js';

const database = databaseOfThisFile();

const owner = (nodeId: string, change: Partial<NodeOwner> = {}): NodeOwner => ({
  nodeId,
  engine: 'local',
  token: 'mine',
  identity: ownIdentity(),
  ...change,
});
/** A process of another machine: whether it lives cannot be seen from here. */
const far = (nodeId: string): NodeOwner =>
  owner(nodeId, { token: 'far', identity: { ...ownIdentity(), bootId: 'another machine' } });

test('an owner that is dead for certain is followed at once', async () => {
  const dead = owner('a', { token: 'dead', identity: { ...ownIdentity(), pid: 1, startTime: 'never' } });
  await takeLease(database(), dead, '/data');
  await takeLease(database(), owner('a'), '/data', 0);
  expect(await renewLease(database(), owner('a'))).toBe(true);
  expect(await renewLease(database(), dead)).toBe(false);
});

test('an owner that cannot be seen is followed only when its lease has run out', async () => {
  await takeLease(database(), far('b'), '/data');
  const refused = takeLease(database(), owner('b'), '/data', 0);
  await expect(refused).rejects.toThrow(DataDirectoryInUse);
  await database().query({
    text: `UPDATE signalbox_local.nodes SET lease_until = now() WHERE node_id = 'b'`,
  });
  await takeLease(database(), owner('b'), '/data', 0);
  expect(await renewLease(database(), owner('b'))).toBe(true);
});

test('a lease that was given back is free', async () => {
  await takeLease(database(), far('c'), '/data');
  await releaseLease(database(), far('c'));
  await takeLease(database(), owner('c'), '/data', 0);
});

test('an owner whose node was taken writes nothing any more and says so', async () => {
  let say = (_message: string): void => undefined;
  const said = new Promise<string>((resolve) => {
    say = resolve;
  });
  const engine = await startEngine(database(), {
    engineName: 'taken',
    log: { ...silent, error: (_, message) => say(message) },
  });
  const key = await engine.submit(workflow({ tasks: { t: { run: 'sleep 0.5' } } }));
  await engine.until(key, (seen) => taskRun(seen, 't').state === 'RUNNING');
  await database().query({
    text: `UPDATE signalbox_local.nodes SET owner_token = 'thief' WHERE engine = 'taken'`,
  });
  expect(await said).toMatch(/another process has taken this node/);
  expect(taskRun(await engine.observe(key), 't').state).toBe('RUNNING');
  await engine.adapter.close();
});

test('a run whose row was deleted is ended, and the others go on', async () => {
  const engine = await startEngine(database(), { engineName: 'deleting' });
  const key = await engine.submit(workflow({ tasks: { t: { run: 'sleep 300' }, u: { run: 'sleep 1' } } }));
  await engine.until(key, (seen) => taskRun(seen, 't').state === 'RUNNING');
  await database().query({ text: 'DELETE FROM signalbox_local.runs WHERE key = $1', values: [key] });
  while (processesWith(key).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const next = await engine.submit(workflow({ tasks: { t: { run: 'true' } } }));
  expect((await engine.untilFinal(next)).phase).toBe('succeeded');
  await engine.adapter.close();
});
