import { checkHealth } from '../engines/engine-health.js';
import type { Engine } from '../engines/engines.js';
import { Batches } from '../platform/batches.js';
import type { Database } from '../platform/database.js';
import { Slots } from '../platform/slots.js';
import { VisitStore } from './visit-store.js';

/** What visits to the runs of one engine share. */
export interface DriveLane {
  /** Calls under way. */
  slots: Slots;
  /** Submits whose intent is committed while all slots are taken, so that a free slot waits for no statement. */
  prepared: Slots;
  store: VisitStore;
  /** Looks at the engine's memory; the look begins after it was asked for. Throws only what the database throws. */
  readEpoch(): Promise<void>;
}

export function makeDriveLane(database: Database, engine: Engine): DriveLane {
  const looks = new Batches<void, void>(
    async (asked) => {
      await checkHealth(database, engine);
      return asked;
    },
    { size: Infinity, atOnce: 1 },
  );
  return {
    slots: new Slots(engine.slots),
    prepared: new Slots(engine.slots),
    store: new VisitStore(database),
    readEpoch: () => looks.add(),
  };
}
