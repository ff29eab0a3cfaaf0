/** The clients of a chaos: each run has one, who creates it, asks for what its story says, and looks at it now and then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FINAL_RUN_STATES } from '../../src/lifecycle/run-state.js';
import type { Api } from '../support/api.js';
import { CarefulClient, type Memory } from './careful-client.js';
import { STORIES, drawStory, titleOn, workflowOf, type ChaosEngine, type Story } from './stories.js';

/** Stories under way at once, at most. */
const CLIENTS = 100;
/** Runs that have not ended, at most: beyond it nobody creates more. */
const OPEN_RUNS = 1_000;
const LOOK_EVERY_MS = 400;
/**
 * Milliseconds that clients wait for the ends of the runs they will retry, without having seen one: how long a run takes depends on the
 * machine, and that a run is not retried would be taken for a fault.
 */
const PATIENCE_MS = 240_000;
/** Shares of runs that are looked at though their story does not need it, and whose creation is asked for twice. */
const LOOKED_AT = 0.3;
const TWICE = 0.05;

export interface LoadOptions {
  runs: number;
  /** Created a second at most. */
  rate: number;
  /** The engine of a run by its number. */
  engineOf: (index: number) => ChaosEngine;
  engines: readonly ChaosEngine[];
  /** Parameters of runs on the local engine. */
  localParameters: object;
  /** Runs that have not ended. */
  open: () => Promise<number>;
}

export class Load {
  /** Runs by what they are for. */
  readonly stories = new Map<number, Story>();
  private readonly client: CarefulClient;
  private readonly underWay = new Set<Promise<void>>();
  /** Clients that have no id yet. */
  private nameless = 0;
  /** When a client last saw the end it waited for, or the load began. */
  private lastEndAt = performance.now();

  constructor(
    apis: readonly Api[],
    readonly memory: Memory,
    private readonly random: () => number,
    private readonly options: LoadOptions,
  ) {
    this.client = new CarefulClient(apis, memory, random);
  }

  async storeWorkflows(): Promise<void> {
    for (const engine of this.options.engines) {
      for (const story of STORIES) await this.client.storeWorkflow(workflowOf(story, engine), titleOn(story, engine));
    }
  }

  /** Resolves when every run was created. */
  async createAll(): Promise<void> {
    const began = performance.now();
    for (let index = 0; index < this.options.runs; index++) {
      const early = (index / this.options.rate) * 1000 - (performance.now() - began);
      if (early > 0) await sleep(early);
      while (this.underWay.size >= CLIENTS) await Promise.race(this.underWay);
      if (index % CLIENTS === 0) await this.untilRoom();
      const story = this.tell(index).catch(() => {
        // What no fault explains stands in the memory already.
      });
      this.underWay.add(story);
      void story.then(() => this.underWay.delete(story));
    }
    while (this.nameless > 0) await sleep(100);
  }

  /** Resolves when every story was told. */
  async ended(): Promise<void> {
    await Promise.all(this.underWay);
  }

  private async untilRoom(): Promise<void> {
    while ((await this.options.open().catch(() => Infinity)) > OPEN_RUNS) await sleep(500);
  }

  private async tell(index: number): Promise<void> {
    const story = drawStory(this.random());
    const engine = this.options.engineOf(index);
    const parameters = engine === 'local' ? this.options.localParameters : {};
    const body = { workflow: { title: titleOn(story, engine) }, parameters };
    const key = `run-${index}`;
    this.nameless += 1;
    const id = await this.client.createRun(body, key).finally(() => (this.nameless -= 1));
    this.stories.set(id, story);
    if (this.random() < TWICE) await this.client.createAgain(id, body, key);
    if (this.random() < LOOKED_AT) {
      await sleep(this.random() * 1_500);
      await this.client.readRun(id);
    }
    if (story.then === 'cancel') {
      await sleep(this.random() * 1_500);
      await this.client.request(id, 'CANCEL', `${key}-cancel`);
      await this.client.readRun(id);
    }
    if (story.then === 'retry' && (await this.hasEnded(id))) {
      await this.client.request(id, 'RETRY', `${key}-retry`);
      await this.client.readRun(id);
    }
  }

  private async hasEnded(id: number): Promise<boolean> {
    const since = performance.now();
    while (performance.now() - Math.max(since, this.lastEndAt) < PATIENCE_MS) {
      const { state } = await this.client.readRun(id);
      if (FINAL_RUN_STATES.some((final) => final === state)) {
        this.lastEndAt = performance.now();
        return true;
      }
      await sleep(LOOK_EVERY_MS * (0.5 + this.random()));
    }
    return false;
  }
}
