import { defineAdapter, NO_VERBS, type SubmitOutcome } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import type { Observation, PresentExecution, RunPhase } from '../../adapters/spi/facts.js';

/** What happens to the next mutating call: it acts or not, and the caller hears of it or not. */
export const FATES = [
  'works',
  'answer-lost',
  'request-lost',
  'arrives-late',
  'unavailable',
  'dies-before',
  'dies-after',
] as const;
export type Fate = (typeof FATES)[number];

/** The process that makes the call is gone: nothing of its visit happens after this. */
export class Died extends Error {}

interface Execution {
  phase: RunPhase;
  round: number;
  stopAsked: boolean;
}

const FINAL: readonly RunPhase[] = ['succeeded', 'failed', 'cancelled'];

/** The smallest engine that can do what every engine may: one execution a key, rounds, stops that take a while. */
export class ModelEngine {
  readonly executions = new Map<string, Execution>();
  /** Executions ever made, by key. */
  readonly created = new Map<string, number>();
  /** Requests that were sent and have not arrived. */
  readonly underWay: (() => void)[] = [];
  /** Calls made, whether they arrived or not. */
  submits = 0;
  fate: Fate = 'works';
  private died = false;

  kind(): EngineKind {
    return { kind: 'model', create: () => Promise.resolve(this.adapter()) };
  }

  /** Where the fate is a death, the visit ends here. */
  reach(point: string): void {
    if (this.fate === 'dies-before' && point.endsWith('.before-call')) throw new Died();
    if (this.died && point.endsWith('.after-call')) {
      this.died = false;
      throw new Died();
    }
  }

  /** Each execution goes on by a step; `failing` decides how it ends. */
  tick(failing: boolean): void {
    for (const execution of this.executions.values()) {
      if (FINAL.includes(execution.phase)) continue;
      if (execution.stopAsked) execution.phase = failing ? 'failed' : 'cancelled';
      else if (execution.phase === 'scheduled') execution.phase = 'running';
      else if (execution.phase === 'running') execution.phase = failing ? 'failed' : 'succeeded';
    }
  }

  arrive(): void {
    this.underWay.shift()?.();
  }

  observe(key: string): Observation {
    const execution = this.executions.get(key);
    if (!execution) return { presence: 'absent', key };
    const { phase, round, stopAsked } = execution;
    const facts: PresentExecution = {
      presence: 'present',
      key,
      externalId: key,
      phase,
      engineState: phase,
      stopEvidence: stopAsked && phase === 'cancelled',
      baseline: String(round),
      liveTasks: FINAL.includes(phase) ? 0 : 1,
      taskRuns: [],
    };
    return phase === 'failed' ? { ...facts, failure: { class: 'user', code: 'exit-code', message: 'exit 1' } } : facts;
  }

  private async call<T>(act: () => T): Promise<T> {
    const fate = this.fate;
    this.fate = 'works';
    await Promise.resolve();
    switch (fate) {
      case 'works':
      case 'dies-before':
        return act();
      case 'answer-lost':
        act();
        throw new EngineError('timeout', 'the answer was lost');
      case 'request-lost':
        throw new EngineError('timeout', 'the request was lost');
      case 'arrives-late':
        this.underWay.push(() => void act());
        throw new EngineError('timeout', 'the request is under way');
      case 'unavailable':
        throw new EngineError('unavailable', 'connection refused');
      case 'dies-after':
        this.died = true;
        return act();
    }
  }

  private submit(key: string): SubmitOutcome {
    if (!this.executions.has(key)) {
      this.created.set(key, (this.created.get(key) ?? 0) + 1);
      this.executions.set(key, { phase: 'scheduled', round: 1, stopAsked: false });
    }
    return { outcome: 'accepted', externalId: key };
  }

  private adapter(): ReturnType<typeof defineAdapter> {
    const at = (key: string): Execution => {
      const execution = this.executions.get(key);
      if (!execution) throw new EngineError('not-found', 'no such execution');
      return execution;
    };
    return defineAdapter(
      'model',
      {
        verbs: { ...NO_VERBS, retry: 'native', pause: 'native', resume: 'native' },
        registers: 'at-once',
        dedupeHorizonMs: 86_400_000,
        retryKind: 'in-place',
        formats: ['native'],
        pageSize: 100,
      },
      {
        ping: () => Promise.resolve({ version: '1' }),
        sentinel: () => Promise.resolve({ state: 'present' as const, epoch: 'one' }),
        validate: () => Promise.resolve({ diagnostics: [] }),
        register: () => Promise.resolve({ state: 'READY' as const }),
        retire: () => Promise.resolve(),
        describe: () => Promise.resolve({ tasks: [] }),
        submit: ({ ref }) => {
          this.submits += 1;
          return this.call(() => this.submit(ref.key));
        },
        find: ({ key }) =>
          Promise.resolve(
            this.executions.has(key) ? { outcome: 'found' as const, externalId: key } : { outcome: 'absent' as const },
          ),
        observe: ({ key }) => Promise.resolve(this.observe(key)),
        observeMany: (refs) => Promise.resolve(refs.map(({ key }) => this.observe(key))),
        cancel: ({ key }) =>
          this.call(() => {
            const execution = this.executions.get(key);
            if (!execution) return { outcome: 'absent' as const };
            if (FINAL.includes(execution.phase)) return { outcome: 'already-final' as const };
            execution.stopAsked = true;
            return { outcome: 'requested' as const };
          }),
        retry: ({ key }, baseline) =>
          this.call(() => {
            const execution = at(key);
            if (!FINAL.includes(execution.phase) || String(execution.round) !== baseline) {
              return { outcome: 'active-again' as const };
            }
            execution.phase = 'scheduled';
            execution.round += 1;
            execution.stopAsked = false;
            return { outcome: 'accepted' as const };
          }),
        pause: ({ key }) =>
          this.call(() => {
            const execution = at(key);
            if (!FINAL.includes(execution.phase)) execution.phase = 'paused';
          }),
        resume: ({ key }) =>
          this.call(() => {
            const execution = at(key);
            if (execution.phase === 'paused') execution.phase = 'running';
          }),
        logs: () => Promise.reject(new EngineError('unsupported', 'no logs')),
        close: () => Promise.resolve(),
      },
    );
  }
}
