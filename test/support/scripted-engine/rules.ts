/** What control told the engine to do wrong. */
import type { BrokenShape } from '../../../adapters/conformance/broken-shapes.js';

/** What the engine's routes are called in rules and in the journal. */
export const ENGINE_VERBS = [
  'version',
  'validate',
  'register',
  'retire',
  'describe',
  'list-definitions',
  'list-born',
  'submit',
  'get',
  'list',
  'forget',
  'list-all',
  'tasks',
  'logs',
  'cancel',
  'retry',
  'retry-task',
  'cancel-task',
  'pause',
  'resume',
  'read-object',
  'write-object',
  'hints',
] as const;
export type EngineVerb = (typeof ENGINE_VERBS)[number];

export type Effect =
  /** Waits before acting; acts even if the caller has gone. */
  | { do: 'delay'; ms: number }
  /** Acts, then waits before it answers. */
  | { do: 'delay-answer'; ms: number }
  /** Waits, before acting, until the rule is removed; acts even if the caller has gone. */
  | { do: 'hold' }
  /** Ends the connection before acting. */
  | { do: 'drop' }
  /** Acts, then ends the connection without an answer. */
  | { do: 'lose-answer' }
  /** Acts and answers, then ends the connection: an engine without keep-alive. */
  | { do: 'close' }
  /** Acts twice, answers the first. */
  | { do: 'duplicate' }
  /** Answers this without acting: 429, 503, 401, 409, 302, ... */
  | { do: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** Acts, then answers with a body of this shape. */
  | { do: 'garble'; shape: BrokenShape };

export interface Rule {
  effect: Effect;
  /** Every verb when absent. */
  verb?: EngineVerb;
  /** Every key when absent. */
  key?: string;
  /** Requests it applies to; all when absent. */
  times?: number;
  /** Share of the requests it applies to, drawn from the engine's seed; 1 when absent. */
  probability?: number;
}

interface ActiveRule extends Rule {
  id: number;
  released: Promise<void>;
  release: () => void;
}

export interface Applied {
  effect: Effect;
  /** Resolves when the rule is removed. */
  released: Promise<void>;
}

export class Rules {
  #rules: ActiveRule[] = [];
  #nextId = 1;
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  add(rule: Rule): number {
    const { promise: released, resolve: release } = withResolvers();
    const id = this.#nextId++;
    this.#rules.push({ ...rule, id, released, release });
    return id;
  }

  /** Removes one rule, or all; requests held by it go on. */
  remove(id?: number): void {
    for (const rule of this.#rules) if (id === undefined || rule.id === id) rule.release();
    this.#rules = this.#rules.filter((rule) => id !== undefined && rule.id !== id);
  }

  /** Every effect on this request, in the order the rules were given. Counts `times` down. */
  apply(verb: EngineVerb, key: string | undefined): Applied[] {
    const applied: Applied[] = [];
    for (const rule of this.#rules) {
      if (rule.verb !== undefined && rule.verb !== verb) continue;
      if (rule.key !== undefined && rule.key !== key) continue;
      if (rule.times !== undefined && rule.times <= 0) continue;
      if (rule.probability !== undefined && this.#random() >= rule.probability) continue;
      if (rule.times !== undefined) rule.times -= 1;
      applied.push({ effect: rule.effect, released: rule.released });
    }
    return applied;
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}

/** mulberry32: the same seed gives the same faults. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
