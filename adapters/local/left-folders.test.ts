import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { until } from '../../test/support/until.js';
import { callContext, databaseOfThisFile, refOf, startEngine, workflow } from './local-engine.test-support.js';
import { nodeFolder } from './local-node.js';

const database = databaseOfThisFile();

const HELLO = workflow({ tasks: { hello: { run: 'echo hello' } } });

test('what a forgotten run left on the disk is removed by the node that has it', async () => {
  const engine = await startEngine(database());
  const [key, kept] = [await engine.submit(HELLO), await engine.submit(HELLO)];
  await Promise.all([key, kept].map((one) => engine.untilFinal(one)));
  const folderOf = (one: string): string => join(nodeFolder(engine.dataDir, 'local'), 'runs', one);
  expect(existsSync(folderOf(key))).toBe(true);
  await engine.adapter.forget([refOf(key)], callContext());
  await until(
    async () => existsSync(folderOf(key)),
    (there) => !there,
  );
  expect([existsSync(folderOf(kept)), await engine.log(kept, 'hello')]).toEqual([true, 'hello\n']);
  await engine.adapter.close();
});

test('a process without the node forgets runs too; the node removes their files when it comes back', async () => {
  const first = await startEngine(database(), { engineName: 'away' });
  const key = await first.submit(HELLO);
  await first.untilFinal(key);
  await first.adapter.close();
  const folder = join(nodeFolder(first.dataDir, 'away'), 'runs', key);
  const api = await startEngine(database(), { engineName: 'away', executes: false, dataDir: first.dataDir });
  await api.adapter.forget([refOf(key)], callContext());
  expect(await api.adapter.observe(refOf(key), callContext())).toEqual({ presence: 'absent', key });
  expect(existsSync(folder)).toBe(true);
  const again = await startEngine(database(), { engineName: 'away', dataDir: first.dataDir });
  await until(
    async () => existsSync(folder),
    (there) => !there,
  );
  await Promise.all([api.adapter.close(), again.adapter.close()]);
});
