import { expect, test } from '@jest/globals';
import type { Config } from '../config.js';
import type { Engines } from '../engines/engines.js';
import { Log } from '../platform/log.js';
import { ReconcileLoop } from './reconcile-loop.js';
import type { EnginePass, PassOptions, Reconciler } from './reconciler.js';

const INTERVAL_MS = 5;

/** A loop over two engines whose passes do what the test says. */
function loopOver(pass: (engine: string) => Promise<void>): ReconcileLoop {
  const reconciler = {
    pass: async ({ engine = '' }: PassOptions) => {
      await pass(engine);
      return { engines: [] as EnginePass[] };
    },
  };
  const engines = { list: () => [{ name: 'slow' }, { name: 'quick' }] };
  return new ReconcileLoop(
    reconciler as unknown as Reconciler,
    engines as unknown as Engines,
    { reconcileIntervalMs: INTERVAL_MS } as Config,
    new Log({ level: 'fatal' }),
  );
}

test('F49: an engine whose pass does not end keeps no other waiting, and is not passed over twice at once', async () => {
  let letGo: () => void = () => undefined;
  const begun: string[] = [];
  const enough = new Promise<void>((done) => {
    const loop = loopOver(async (engine) => {
      begun.push(engine);
      if (engine === 'slow') await new Promise<void>((end) => (letGo = end));
      else if (begun.filter((one) => one === 'quick').length === 4) {
        letGo();
        void loop.stop().then(done);
      }
    });
    loop.start();
  });
  await enough;
  expect(begun.filter((one) => one === 'quick')).toHaveLength(4);
  expect(begun.filter((one) => one === 'slow')).toHaveLength(1);
});

test('a pass that fails is not the last one', async () => {
  let passes = 0;
  await new Promise<void>((done) => {
    const loop = loopOver(async (engine) => {
      if (engine !== 'quick') return;
      passes += 1;
      if (passes < 3) throw new Error('the database is away');
      if (passes === 3) done(loop.stop());
      await Promise.resolve();
    });
    loop.start();
  });
  expect(passes).toBe(3);
});
