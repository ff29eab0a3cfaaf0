import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CallContext, EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import { EngineError, ENGINE_ERROR_CODES, type EngineErrorCode } from '../../adapters/spi/engine-error.js';
import { Metrics } from '../platform/metrics.js';
import { type CallOptions, EngineGateway } from './gateway.js';

const intent: CallOptions = { class: 'intent' };

function gatewayWith(options: { timeoutMs?: number; callsPerSecond?: number; burst?: number; slots?: number } = {}): {
  gateway: EngineGateway;
  metrics: Metrics;
} {
  const metrics = new Metrics();
  const adapter = {} as EngineAdapter;
  const { timeoutMs = 1_000, callsPerSecond = 1_000, burst = 1_000, slots = 16 } = options;
  return {
    gateway: new EngineGateway({ engineName: 'e', adapter, timeoutMs, callsPerSecond, burst, slots, metrics }),
    metrics,
  };
}

async function codeOf(call: Promise<unknown>): Promise<EngineErrorCode | 'ok' | 'no-engine-error'> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    return error instanceof EngineError ? error.code : 'no-engine-error';
  }
}

describe('EngineGateway', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('an adapter that ignores its signal is left behind at the deadline, and what it says later is nothing', async () => {
    const { gateway } = gatewayWith({ timeoutMs: 1_000 });
    let signal: AbortSignal | undefined;
    let late: (error: Error) => void = () => undefined;
    const call = codeOf(
      gateway.call('submit', intent, (_adapter, ctx) => {
        ({ signal } = ctx);
        return new Promise((_, fail) => (late = fail));
      }),
    );
    await jest.advanceTimersByTimeAsync(999);
    expect(signal?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await call).toBe('timeout');
    expect(signal?.aborted).toBe(true);
    late(new Error('much later'));
    await jest.advanceTimersByTimeAsync(0);
  });

  test('what an adapter did not expect is an outcome nobody knows', async () => {
    const { gateway } = gatewayWith();
    const thrown = gateway.call('submit', intent, () => {
      throw new TypeError('undefined is not a function');
    });
    await expect(thrown).rejects.toMatchObject({ code: 'unknown', message: 'undefined is not a function' });
  });

  test('the text of an engine is cut, its code and its wait are kept', async () => {
    const { gateway } = gatewayWith();
    const text = `\u0000${'x'.repeat(1_000_000)}`;
    const error = await gateway
      .call('submit', intent, () => Promise.reject(new EngineError('unavailable', text, { retryAfterSeconds: 7 })))
      .catch((cause: unknown) => cause as EngineError);
    expect(error).toMatchObject({ code: 'unavailable', retryAfterSeconds: 7 });
    expect(error.message).toMatch(/^x{2000}…$/);
  });

  const reachable: Record<EngineErrorCode, boolean> = {
    unavailable: false,
    timeout: false,
    unauthorized: false,
    rejected: true,
    'not-found': true,
    conflict: true,
    unsupported: true,
    unknown: true,
  };
  test.each(ENGINE_ERROR_CODES)('five times %s', async (code) => {
    const { gateway } = gatewayWith();
    for (let i = 0; i < 5; i++) {
      await codeOf(gateway.call('submit', intent, () => Promise.reject(new EngineError(code, '-'))));
    }
    expect(gateway.closedForMs() === 0).toBe(reachable[code]);
  });

  test('while the breaker is open nothing is called but the health check, which closes it', async () => {
    const { gateway } = gatewayWith();
    const work = jest.fn(() => Promise.reject(new EngineError('unavailable', '-')));
    for (let i = 0; i < 5; i++) await codeOf(gateway.call('submit', intent, work));
    const refused = await gateway.call('submit', intent, work).catch((error: unknown) => error as EngineError);
    expect(work).toHaveBeenCalledTimes(5);
    expect(refused).toMatchObject({ code: 'unavailable', message: expect.not.stringMatching(/\d/) });
    expect(refused.retryAfterSeconds).toBeGreaterThan(0);
    await gateway.call('ping', { ...intent, probe: true }, () => Promise.resolve());
    expect(await codeOf(gateway.call('submit', intent, () => Promise.resolve()))).toBe('ok');
  });

  test('after its pause one call is let through, and the others wait for what it learns', async () => {
    const { gateway } = gatewayWith();
    const down = (): Promise<never> => Promise.reject(new EngineError('unavailable', '-'));
    for (let i = 0; i < 5; i++) await codeOf(gateway.call('submit', intent, down));
    await jest.advanceTimersByTimeAsync(1_000);
    let answer: () => void = () => undefined;
    const trial = codeOf(gateway.call('submit', intent, () => new Promise<void>((done) => (answer = done))));
    expect(await codeOf(gateway.call('submit', intent, () => Promise.resolve()))).toBe('unavailable');
    answer();
    expect(await trial).toBe('ok');
    expect(await codeOf(gateway.call('submit', intent, () => Promise.resolve()))).toBe('ok');
  });

  test('a read does not wait for its share', async () => {
    const { gateway } = gatewayWith({ callsPerSecond: 1, burst: 4 });
    const read = (): Promise<string> => codeOf(gateway.call('observe', { class: 'read' }, () => Promise.resolve()));
    expect([await read(), await read(), await read()]).toEqual(['ok', 'ok', 'unavailable']);
  });

  test('an intent waits for its turn, and what it waited is taken from its time', async () => {
    const { gateway } = gatewayWith({ callsPerSecond: 10, burst: 1, timeoutMs: 1_000 });
    await gateway.call('submit', intent, () => Promise.resolve());
    let given: CallContext | undefined;
    const second = gateway.call('submit', intent, (_adapter, ctx) => Promise.resolve((given = ctx)));
    await jest.advanceTimersByTimeAsync(110);
    await second;
    expect(given?.timeoutMs).toBeLessThanOrEqual(900);
    expect(given?.timeoutMs).toBeGreaterThan(800);
  });

  test('a wait that would outlive half of the call is refused, nothing sent: the lease covers wait and call', async () => {
    const { gateway } = gatewayWith({ callsPerSecond: 1, burst: 1, timeoutMs: 1_000 });
    await gateway.call('submit', intent, () => Promise.resolve());
    const work = jest.fn(() => Promise.resolve());
    const calls = (['intent', 'reconcile'] as const).map((one) => codeOf(gateway.call('find', { class: one }, work)));
    await jest.advanceTimersByTimeAsync(500);
    expect(await Promise.all(calls)).toEqual(['unavailable', 'unavailable']);
    expect(work).not.toHaveBeenCalled();
  });

  test('so many calls are under way at once, and an intent passes the looks that wait', async () => {
    const { gateway } = gatewayWith({ slots: 1 });
    const began: string[] = [];
    const ends: (() => void)[] = [];
    const call = (name: string, callClass: CallOptions['class']): Promise<string> =>
      codeOf(
        gateway.call(name, { class: callClass }, () => {
          began.push(name);
          return new Promise<void>((done) => ends.push(done));
        }),
      );
    const calls = [call('first', 'read'), call('look', 'reconcile'), call('submit', 'intent')];
    for (let ended = 0; ended < calls.length; ended++) {
      await jest.advanceTimersByTimeAsync(0);
      expect(began).toHaveLength(ended + 1);
      ends[ended]?.();
    }
    expect(await Promise.all(calls)).toEqual(['ok', 'ok', 'ok']);
    expect(began).toEqual(['first', 'submit', 'look']);
  });

  test('a call that found no slot for half of its time was not made, and one left behind gives its slot back', async () => {
    const { gateway } = gatewayWith({ slots: 1, timeoutMs: 1_000 });
    const never = codeOf(gateway.call('observe', { class: 'reconcile' }, () => new Promise(() => undefined)));
    const work = jest.fn(() => Promise.resolve());
    const waiting = codeOf(gateway.call('submit', intent, work));
    await jest.advanceTimersByTimeAsync(500);
    expect(await waiting).toBe('unavailable');
    expect(work).not.toHaveBeenCalled();
    await gateway.call('ping', { ...intent, probe: true }, work);
    await jest.advanceTimersByTimeAsync(500);
    expect(await never).toBe('timeout');
    expect(await codeOf(gateway.call('submit', intent, work))).toBe('ok');
    expect(work).toHaveBeenCalledTimes(2);
  });

  test('a call that got its slot after the breaker opened is not made', async () => {
    const { gateway } = gatewayWith({ slots: 5 });
    const ends: (() => void)[] = [];
    const failing = Array.from({ length: 5 }, () =>
      codeOf(
        gateway.call(
          'submit',
          intent,
          () => new Promise((_, fail) => ends.push(() => fail(new EngineError('unavailable', '-')))),
        ),
      ),
    );
    const work = jest.fn(() => Promise.resolve());
    const waiting = codeOf(gateway.call('submit', intent, work));
    await jest.advanceTimersByTimeAsync(0);
    for (const end of ends) end();
    await Promise.all(failing);
    expect(await waiting).toBe('unavailable');
    expect(work).not.toHaveBeenCalled();
  });

  test('calls are counted by verb and outcome, and belong to the trace they are given', async () => {
    const { gateway, metrics } = gatewayWith();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    let given = '';
    await gateway.call('find', { ...intent, traceparent }, (_adapter, ctx) =>
      Promise.resolve((given = ctx.traceparent)),
    );
    await codeOf(gateway.call('find', intent, () => Promise.reject(new EngineError('not-found', '-'))));
    expect(given).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-/);
    const text = await metrics.expose();
    expect(text).toContain('signalbox_engine_calls_total{engine="e",verb="find",outcome="ok"} 1');
    expect(text).toContain('signalbox_engine_calls_total{engine="e",verb="find",outcome="not-found"} 1');
  });
});
