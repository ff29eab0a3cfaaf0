import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import type { Position } from '../lists/cursor.js';
import { Database, type Db } from '../platform/database.js';
import { SharedReads } from '../platform/shared-reads.js';
import { RunReader } from './run-reader.js';
import type { RunList } from './run-list.js';
import { listRuns } from './runs-store.js';
import { staleAfterMs } from './stale-after.js';

/** A page of runs as an answer shows it. */
export interface ShownPage {
  /** JSON texts of the runs, with commas between them. */
  items: string;
  /** Where the next page starts; absent = this is the last one. */
  next: Position | undefined;
  /** As `FilledPage` has it. */
  unread: boolean;
}

/** Of the connections: pages leave some for everything else. With half as many, cores wait for a statement that waits for its turn. */
const SHARE_OF_CONNECTIONS = 3 / 4;

/** Reads pages of runs. Dashboards ask for the same one at the same moment, and share it. */
@Injectable()
export class RunPages {
  private readonly shared = new SharedReads<ShownPage>();
  private readonly database: Db;

  constructor(
    database: Database,
    private readonly reader: RunReader,
    private readonly config: Config,
  ) {
    this.database = database.limited(Math.floor(config.databasePoolSize * SHARE_OF_CONNECTIONS));
  }

  read(list: Omit<RunList, 'staleAfterMs'>): Promise<ShownPage> {
    return this.shared.ask(JSON.stringify(list), async () => {
      const { rows, next, unread } = await listRuns(this.database, {
        ...list,
        staleAfterMs: staleAfterMs(this.config),
      });
      return { items: this.reader.toItems(rows), next, unread };
    });
  }
}
