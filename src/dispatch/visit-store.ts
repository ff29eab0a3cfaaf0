import { moveRuns, type Move } from '../lifecycle/move-runs.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { readRunRecord, readSubmissionParts, type SubmissionParts } from '../lifecycle/run-store.js';
import { Batches } from '../platform/batches.js';
import type { Database } from '../platform/database.js';
import { isContention, isRefusedValue } from '../platform/database-errors.js';

/**
 * One statement after the other while they are answered as fast as they should be: fewer and fuller ones. A row that somebody else
 * holds locked keeps the runs beside it waiting, but never all of them. Their answers are spread over some turns of the
 * event loop, since the next call to the engine waits for this process alone.
 */
const TOGETHER = { size: 64, atOnce: 4, besideAfterMs: 50, turns: 24 };

/**
 * The database as visits to one engine's runs use it. Runs that are driven side by side share statements, and with them round trips and commits;
 * each run's compare-and-set is its own as before.
 */
export class VisitStore {
  private readonly moves: Batches<Move, boolean>;
  private readonly parts: Batches<number, SubmissionParts | undefined>;

  constructor(private readonly database: Database) {
    this.moves = new Batches(
      async (moves) => {
        const written = await moveRuns(database, moves);
        return moves.map((move) => written.has(move));
      },
      { ...TOGETHER, mayBeOfOne: (error) => isRefusedValue(error) || isContention(error) },
    );
    this.parts = new Batches(async (ids) => {
      const found = await readSubmissionParts(database, ids);
      return ids.map((id) => found.get(id));
    }, TOGETHER);
  }

  /** Whether the move was stored; false = the row was changed by somebody else since it was read. */
  move(move: Move): Promise<boolean> {
    return this.moves.add(move);
  }

  /** Undefined when the run is gone. */
  submissionParts(runId: number): Promise<SubmissionParts | undefined> {
    return this.parts.add(runId);
  }

  read(runId: number): Promise<RunRecord | undefined> {
    return readRunRecord(this.database, runId);
  }
}
