import { Injectable } from '@nestjs/common';
import { type Engine, Engines } from '../engines/engines.js';
import { findRunIdsByToken, readRunRecords } from '../lifecycle/run-store.js';
import { tokenOfKey } from '../lifecycle/run-key.js';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';
import { Observer } from '../reconcile/observer.js';
import { Dispatcher } from './dispatcher.js';
import { HintGatherer } from './hint-gatherer.js';

/** Looks at runs sooner where an engine says that they changed. A lost hint costs nothing but time: reconciliation sees it. */
@Injectable()
export class HintFollower {
  private stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly observer: Observer,
    private readonly dispatcher: Dispatcher,
    private readonly log: Log,
  ) {}

  start(): void {
    this.stops = this.engines.list().flatMap((engine) => this.follow(engine) ?? []);
  }

  async stop(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
  }

  private follow(engine: Engine): (() => Promise<void>) | undefined {
    const { hints } = engine.gateway.adapter;
    if (!hints) return undefined;
    const gatherer = new HintGatherer({
      look: (keys) => this.look(engine, keys),
      isBusy: () => this.dispatcher.hasBacklog(engine.name),
    });
    const unsubscribe = hints((key) => gatherer.add(key));
    return async () => {
      unsubscribe();
      await gatherer.stop();
    };
  }

  private async look(engine: Engine, keys: string[]): Promise<void> {
    try {
      const tokens = [...new Set(keys.flatMap((key) => tokenOfKey(key) ?? []))];
      const runs = await readRunRecords(this.database, await findRunIdsByToken(this.database, tokens));
      await this.observer.observeWhole(engine, runs, { class: 'reconcile', source: 'engine' });
    } catch (error) {
      this.log.warn({ engine: engine.name, err: error }, 'a hint could not be followed');
    }
  }
}
