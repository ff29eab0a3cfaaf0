import { checkHealth } from '../engines/check-health.js';
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
  /**
   * The epoch as the engine shows it by a look that begins after it was asked for; undefined = in doubt. Throws only what the
   * database throws.
   */
  readEpoch(): Promise<string | undefined>;
}

export function makeDriveLane(database: Database, engine: Engine): DriveLane {
  const looks = new Batches<void, string | undefined>(
    async (asked) => {
      const { epoch } = await checkHealth(database, engine);
      return asked.map(() => epoch);
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
