/** What is compared once everything has ended: the promises of the record, of the engines, and of each run's story. */
import { isFinal, type RunState } from '../../src/lifecycle/run-state.js';
import type { Db } from '../../src/platform/database.js';
import { check, type EngineWitness, type Violation } from '../support/checker.js';
import { CANCEL_GRACE_MS, SUBMIT_GRACE_MS, type ChaosStage } from './chaos-stage.js';
import type { Load } from './load.js';
import { checkTasks, localExecutions } from './local-witness.js';
import type { Story } from './stories.js';

export interface Verdict {
  violations: Violation[];
  /** Runs by how they ended. */
  ends: Record<string, number>;
  /** Attempts of tasks that began on the local engine. */
  tasks: number;
}

interface End {
  id: number;
  state: RunState;
  generation: number;
  reason: string | null;
  failure: string | null;
}

export async function judge({ cluster, journal }: ChaosStage, load: Load): Promise<Verdict> {
  const db = cluster.database.database;
  const ends = await readEnds(db);
  const tasks = await checkTasks(db, journal);
  const witness = withLocal(await cluster.witness(), await localExecutions(db));
  // On a busy machine a call that a wire delays may come later than the grace.
  const options = { cancelGraceMs: CANCEL_GRACE_MS, lateAfterMs: SUBMIT_GRACE_MS };
  return {
    violations: [
      ...load.memory.violations,
      ...(await check(db, load.memory, witness, options)),
      ...ends.flatMap((end) => checkEnd(end, load.stories.get(end.id))),
      ...tasks.violations,
    ],
    ends: count(ends.map((end) => (end.generation > 1 ? `${end.state} retried` : end.state))),
    tasks: tasks.begun,
  };
}

/** Every story has its ends; a run whose creation was never answered has none, and the checker says so. */
function checkEnd(end: End, story: Story | undefined): Violation[] {
  if (!story) return [];
  const cause = [end.reason, end.failure].filter((text) => text !== null).join(', ');
  const shown = `${end.state} in generation ${end.generation}${cause === '' ? '' : ` (${cause})`}`;
  if (!isFinal(end.state)) {
    return [{ invariant: 'I2', kind: 'lost', run: end.id, what: `a run "${story.title}" did not end: ${shown}` }];
  }
  if (story.ends.some(({ state, generation }) => state === end.state && generation === end.generation)) return [];
  return [{ invariant: 'I11', kind: 'illegal', run: end.id, what: `a run "${story.title}" ended ${shown}` }];
}

function withLocal(scripted: EngineWitness, local: Record<string, number>): EngineWitness {
  return { journal: scripted.journal, created: { ...scripted.created, ...local } };
}

async function readEnds(db: Db): Promise<End[]> {
  const { rows } = await db.query<End>({
    text: `SELECT id, state, generation, state_reason AS reason, failure->>'message' AS failure FROM workflow_runs`,
  });
  return rows;
}

function count(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words.sort()) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
