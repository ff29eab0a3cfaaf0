import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.js';
import { until } from './until.js';

export interface CarefulLoadOptions {
  /** Of the workflow whose runs are made. */
  title?: string;
  clients?: number;
  /** What the server under test has said, for the message of a failure. */
  errors?: () => string;
}

/** Repeats of one request before its client gives up. */
const REPEATS = 3_000;

/** Careful clients: each makes run after run, and repeats a request under its key until there is an answer. */
export class CarefulLoad {
  /** Ids that were answered 201, in the order of the answers. */
  readonly created: number[] = [];
  /** Answers that asked for a repeat: 409 and 503. */
  refused = 0;
  private over = false;
  private readonly failures: string[] = [];
  private readonly clients: Promise<void>[];

  /** `api` is asked for before every request: the address may change. `name` begins every key. */
  constructor(
    private readonly api: (request: number) => Api,
    private readonly name: string,
    private readonly options: CarefulLoadOptions = {},
  ) {
    this.clients = Array.from({ length: options.clients ?? 4 }, (_, client) => this.work(client));
  }

  /** Resolves with so many more answers of 201. Throws when a client failed. */
  async answered(more: number, timeoutMs = 60_000): Promise<void> {
    const enough = this.created.length + more;
    await until(
      async () => this.created.length,
      (count) => count >= enough || this.failures.length > 0,
      timeoutMs,
    );
    this.throwFailures();
  }

  /** Resolves when every request that was begun is answered. */
  async end(): Promise<void> {
    this.over = true;
    await Promise.all(this.clients);
    this.throwFailures();
  }

  private throwFailures(): void {
    if (this.failures.length > 0) throw new Error(this.failures.join('\n'));
  }

  private async work(client: number): Promise<void> {
    for (let request = 0; !this.over && this.failures.length === 0; request++) {
      try {
        this.created.push(await this.postUntilAnswered(client + request, `${this.name}-${client}-${request}`));
      } catch (error) {
        const said = this.options.errors?.() ?? 'nothing';
        this.failures.push(`${String(error)}: ${String((error as Error).cause)}; the server said: ${said}`);
      }
    }
  }

  private async postUntilAnswered(request: number, key: string): Promise<number> {
    const body = { workflow: { title: this.options.title ?? 'at-once' } };
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const answer = await this.api(request).post('/workflow-runs', body, { key });
      if (answer.status === 201) return answer.body.id;
      if (answer.status !== 409 && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
      this.refused += 1;
      await sleep(30);
    }
    throw new Error(`${key} was never answered`);
  }
}
