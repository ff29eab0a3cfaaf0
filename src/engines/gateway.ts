/** Every call to an engine goes through here: deadline, budget, slots, circuit breaker, metrics, trace context. Adapters have none of it. */
import type { CallContext, EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import { EngineError, type EngineErrorCode } from '../../adapters/spi/engine-error.js';
import type { Metrics } from '../platform/metrics.js';
import { shortText } from '../platform/short-text.js';
import { continueTrace, makeTraceparent } from '../platform/trace.js';
import { CallBudget, type CallClass } from './call-budget.js';
import { CallSlots } from './call-slots.js';
import { CircuitBreaker } from './circuit-breaker.js';

export interface GatewayOptions {
  engineName: string;
  adapter: EngineAdapter;
  /** Milliseconds one call may take. */
  timeoutMs: number;
  /** Calls a second on average, and at once. */
  callsPerSecond: number;
  burst: number;
  /** Calls under way at the same time. */
  slots: number;
  metrics: Pick<Metrics, 'engineCalls' | 'engineCallSeconds'>;
}

export interface CallOptions {
  class: CallClass;
  timeoutMs?: number;
  /** Of the trace the call belongs to; default: one of its own. */
  traceparent?: string | null | undefined;
  /** For the health check alone: goes out although the breaker is open, and closes it when it works. */
  probe?: boolean;
}

export class EngineGateway {
  readonly adapter: EngineAdapter;
  private readonly breaker = new CircuitBreaker();
  private readonly budget: CallBudget;
  private readonly slots: CallSlots;

  constructor(private readonly options: GatewayOptions) {
    this.adapter = options.adapter;
    this.budget = new CallBudget(options.callsPerSecond, options.burst);
    this.slots = new CallSlots(options.slots);
  }

  /** Milliseconds for which the breaker refuses calls; 0 = closed. */
  closedForMs(): number {
    return this.breaker.remainingMs();
  }

  /**
   * Calls one verb of the adapter. Throws `EngineError` and nothing else: `unavailable` also when the breaker is open or when
   * the share of the budget is spent, for reads at once, for others after half of the time the call may take, and when no slot
   * came free for so long. The wait and the call together end within `timeoutMs`: a lease that is longer covers both.
   */
  async call<T>(
    verb: string,
    options: CallOptions,
    work: (adapter: EngineAdapter, ctx: CallContext) => Promise<T>,
  ): Promise<T> {
    const longestMs = options.timeoutMs ?? this.options.timeoutMs;
    const { waitedMs, leave } = options.probe ? NO_WAIT : await this.admit(options.class, longestMs / 2);
    const timeoutMs = longestMs - waitedMs;
    const abort = new AbortController();
    const began = process.hrtime.bigint();
    let outcome: EngineErrorCode | 'ok' = 'ok';
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        const error = new EngineError(
          'timeout',
          `${this.options.engineName} did not answer ${verb} within ${longestMs} ms`,
        );
        abort.abort(error);
        fail(error);
      }, timeoutMs);
    });
    try {
      const ctx = { signal: abort.signal, timeoutMs, traceparent: childOf(options.traceparent ?? undefined) };
      const result = await Promise.race([work(this.options.adapter, ctx), deadline]);
      this.breaker.succeeded();
      return result;
    } catch (cause) {
      const error = toEngineError(cause);
      outcome = error.code;
      this.note(error);
      throw error;
    } finally {
      clearTimeout(timer);
      leave();
      const labels = { engine: this.options.engineName, verb };
      this.options.metrics.engineCalls.inc({ ...labels, outcome });
      this.options.metrics.engineCallSeconds.observe(labels, Number(process.hrtime.bigint() - began) / 1e9);
    }
  }

  private async admit(callClass: CallClass, longestMs: number): Promise<Admission> {
    const began = performance.now();
    for (;;) {
      this.refuseWhileOpen();
      if (this.budget.tryTake(callClass)) break;
      const waitMs = this.budget.waitMs(callClass);
      if (callClass === 'read' || performance.now() - began + waitMs > longestMs) {
        throw new EngineError('unavailable', `the share of ${callClass} calls of ${this.options.engineName} is spent`, {
          retryAfterSeconds: waitMs / 1000,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    const leave = await this.slots.take(callClass, longestMs - (performance.now() - began));
    if (!leave)
      throw new EngineError('unavailable', `as many calls of ${this.options.engineName} as it may have are under way`);
    try {
      this.refuseWhileOpen();
    } catch (error) {
      leave();
      throw error;
    }
    this.breaker.enter();
    return { waitedMs: performance.now() - began, leave };
  }

  private refuseWhileOpen(): void {
    const closedForMs = this.breaker.remainingMs();
    if (closedForMs === 0) return;
    // The same text each time: it is stored with every run that could not be read, and what is as stored costs no write.
    throw new EngineError('unavailable', `${this.options.engineName} is not called for now: it did not answer`, {
      retryAfterSeconds: closedForMs / 1000,
    });
  }

  /** Only failures to reach the engine count: a refusal is an answer. */
  private note(error: EngineError): void {
    if (error.code === 'unavailable' || error.code === 'timeout' || error.code === 'unauthorized') {
      this.breaker.failed(error.retryAfterSeconds === undefined ? undefined : error.retryAfterSeconds * 1000);
    } else {
      this.breaker.succeeded();
    }
  }
}

interface Admission {
  waitedMs: number;
  /** Gives the slot back. */
  leave: () => void;
}

/** A health check does not stand in line with what it is to explain. */
const NO_WAIT: Admission = { waitedMs: 0, leave: () => undefined };

/** A surprise inside an adapter is an outcome nobody knows, never a verdict. Texts of the engine are kept short. */
function toEngineError(cause: unknown): EngineError {
  const message = shortText(cause instanceof Error ? cause.message : String(cause));
  if (!(cause instanceof EngineError)) return new EngineError('unknown', message, { cause });
  if (cause.message === message) return cause;
  const { code, retryAfterSeconds } = cause;
  return new EngineError(code, message, { cause, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

/** A span of our own in the trace the call belongs to. */
function childOf(parent: string | undefined): string {
  return makeTraceparent(continueTrace(parent));
}
