/** A client that repeats every request under its key until there is an answer, and writes down what it was told. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Told, Violation } from '../support/checker.js';
import type { Api, ApiAnswer } from '../support/api.js';

/** Milliseconds a request may take; then it is repeated. */
const PATIENCE_MS = 10_000;
/** Milliseconds before the first repeat; each later pause is longer, up to the second. */
const PAUSES_MS = { first: 100, longest: 2_000 };
/** Milliseconds after which nothing but an answer counts as a fault of its own. */
const GIVE_UP_MS = 300_000;

/** What all clients of a chaos were told. */
export class Memory implements Required<Pick<Told, 'created' | 'seen' | 'accepted'>> {
  readonly created: number[] = [];
  readonly seen: { id: number; generation: number; state: string }[] = [];
  readonly accepted: { id: number; type: string }[] = [];
  /** Answers that no fault explains. */
  readonly violations: Violation[] = [];
  requests = 0;
  repeats = 0;
}

export class CarefulClient {
  /** `apis` are asked by turns that `random` draws. */
  constructor(
    private readonly apis: readonly Api[],
    private readonly memory: Memory,
    private readonly random: () => number,
  ) {}

  async storeWorkflow(body: object, key: string): Promise<void> {
    await this.insist((api, signal) => api.post('/workflows', body, { key, signal }), [201]);
  }

  /** The id of the one run there is under the key, however often the request arrived. */
  async createRun(body: object, key: string): Promise<number> {
    const answer = await this.insist((api, signal) => api.post('/workflow-runs', body, { key, signal }), [201]);
    this.memory.created.push(answer.body.id);
    return answer.body.id;
  }

  /** Asks once more what was answered already: the answer has to be the same run. */
  async createAgain(id: number, body: object, key: string): Promise<void> {
    const answer = await this.insist((api, signal) => api.post('/workflow-runs', body, { key, signal }), [201]);
    if (answer.body.id === id) return;
    this.say({ kind: 'doubled', run: id, what: `${key} was answered with run ${id}, and then with ${answer.body.id}` });
  }

  /** The run as it is said to be now. */
  async readRun(id: number): Promise<{ state: string; generation: number }> {
    const answer = await this.insist((api, signal) => api.get(`/workflow-runs/${id}`, { signal }), [200], id);
    const { state, generation } = answer.body as unknown as { state: string; generation: number };
    this.memory.seen.push({ id, generation, state });
    return { state, generation };
  }

  /** True when it was accepted, false when nothing had to be changed. */
  async request(id: number, type: 'CANCEL' | 'RETRY', key: string): Promise<boolean> {
    const path = `/workflow-runs/${id}/lifecycle-events`;
    const { status } = await this.insist((api, signal) => api.post(path, { type }, { key, signal }), [200, 202], id);
    if (status === 202) this.memory.accepted.push({ id, type });
    return status === 202;
  }

  /** Repeats until the answer is neither a fault on the way nor a refusal for now. */
  private async insist(
    send: (api: Api, signal: AbortSignal) => Promise<ApiAnswer>,
    wanted: readonly number[],
    run?: number,
  ): Promise<ApiAnswer> {
    const began = performance.now();
    let last = 'no answer';
    let pauseMs = PAUSES_MS.first;
    while (performance.now() - began < GIVE_UP_MS) {
      const api = this.apis[Math.floor(this.random() * this.apis.length)];
      if (!api) throw new Error('there is no API to ask');
      this.memory.requests += 1;
      const answer = await send(api, AbortSignal.timeout(PATIENCE_MS)).catch((error: unknown) => {
        last = String((error as Error).cause ?? error);
        return undefined;
      });
      if (answer && wanted.includes(answer.status)) return answer;
      if (answer && !isForNow(answer)) {
        this.say({ kind: 'illegal', ...(run === undefined ? {} : { run }), what: describe(answer) });
        throw new Error(describe(answer));
      }
      if (answer) last = describe(answer);
      this.memory.repeats += 1;
      await sleep(pauseMs * (0.5 + this.random()));
      pauseMs = Math.min(2 * pauseMs, PAUSES_MS.longest);
    }
    this.say({ kind: 'lost', ...(run === undefined ? {} : { run }), what: `was never answered; last: ${last}` });
    throw new Error(last);
  }

  private say(violation: Omit<Violation, 'invariant'>): void {
    this.memory.violations.push({ invariant: violation.kind === 'illegal' ? 'answer' : 'I7', ...violation });
  }
}

/** Refusals that say "later": the service or its database is not there, or another request under the key is under way. */
function isForNow(answer: ApiAnswer): boolean {
  if (answer.status === 409) return answer.text.includes('idempotency-in-progress');
  return [408, 429, 503].includes(answer.status);
}

function describe(answer: ApiAnswer): string {
  return `${answer.status} ${answer.text.slice(0, 500)}`;
}
