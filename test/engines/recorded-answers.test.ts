/**
 * Adapters before the answers of real engines, recorded by `npm run record`: as they were; with fields that are new, or that are
 * missing; with words nobody knows; with answers that are none. What must hold of an answer that is not whole stands in
 * test/support/recorded/guesses.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BROKEN_SHAPES } from '../../adapters/conformance/broken-shapes.js';
import { FINAL_TASK_STATES } from '../../adapters/spi/facts.js';
import type { PresentExecution, TaskState } from '../../adapters/spi/facts.js';
import { treeOf, withTree } from '../support/recorded/body-tree.js';
import { acts, guessesIn } from '../support/recorded/guesses.js';
import { onlyPlaces, withNewFields } from '../support/recorded/json-tree.js';
import { Sample, brokenFields, newWords } from '../support/recorded/mutations.js';
import type { Mutation } from '../support/recorded/mutations.js';
import { readPlacesOf } from '../support/recorded/read-places.js';
import { DIALECTS, bodyOf, readRecordings } from '../support/recorded/recording.js';
import type { Exchange, Recording } from '../support/recorded/recording.js';
import { replay } from '../support/recorded/replay.js';
import { ReplayServer } from '../support/recorded/replay-server.js';
import type { Played } from '../support/recorded/replay-server.js';
import type { VerbOutcome } from '../support/recorded/verb-call.js';

/** Objects whose keys are names of things, and values of users: what is new in them is no field. */
const MAPS = /(^|\.)(nodes|labels|annotations|conf|params)(\.|$)|^value(\.|$)/;
const AT_ONCE = 8;
/** Changes of single fields in one dialect, at least: none of them is tried by no test. */
const FEWEST = 800;

let server: ReplayServer;
let folder: string;

beforeAll(async () => {
  server = await ReplayServer.start();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-recorded-'));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each(DIALECTS)('recorded answers of %s', (dialect) => {
  const recordings = [...readRecordings(dialect)].map(([scenario, recording]) => ({ scenario, recording }));
  const observed = recordings.filter(({ recording }) => /^observe(Many)?$/.test(recording.call.verb));
  const sample = new Sample();
  let tried = 0;

  const hear = (recording: Recording, exchanges: readonly Played[]): Promise<VerbOutcome> =>
    replay({ server, dialect, folder }, recording, exchanges);

  /** Sentences about what is wrong, each with the change that it is about. */
  async function complaints<M extends Mutation>(
    recording: Recording,
    mutations: readonly M[],
    wrongWith: (told: VerbOutcome, mutation: M) => string[],
  ): Promise<string[]> {
    const wrong: string[] = [];
    await atOnce(mutations, async (mutation) => {
      const told = await hear(recording, mutation.exchanges).catch((error: unknown) => error as Error);
      const found = told instanceof Error ? [`${told.name}: ${told.message}`] : wrongWith(told, mutation);
      wrong.push(...found.map((sentence) => `${mutation.name}: ${sentence}`));
    });
    return wrong;
  }

  test.each(recordings)('$scenario is read as it was', async ({ recording }) => {
    expect(await hear(recording, recording.exchanges)).toEqual(recording.outcome);
  });

  test.each(recordings)('$scenario is read the same with a new field in each object', async ({ recording }) => {
    const exchanges = recording.exchanges.map((exchange) => {
      const tree = treeOf(exchange);
      return tree === undefined
        ? exchange
        : withTree(
            exchange,
            withNewFields(tree, (shape) => MAPS.test(shape)),
          );
    });
    expect(await hear(recording, exchanges)).toEqual(recording.outcome);
  });

  test.each(recordings)('$scenario is no guess where a field is missing', async ({ recording }) => {
    const read = await readPlacesOf(recording.exchanges, () => hear(recording, recording.exchanges));
    // What nobody reads may be missing altogether.
    const needed = recording.exchanges.map((exchange, at) => {
      const tree = treeOf(exchange);
      return tree === undefined ? exchange : withTree(exchange, onlyPlaces(tree, read[at] ?? []));
    });
    expect(await hear(recording, needed)).toEqual(recording.outcome);
    const mutations = brokenFields(recording, read, sample);
    tried += mutations.length;
    expect(await complaints(recording, mutations, (told, { changed }) => guessesIn(recording, told, changed))).toEqual(
      [],
    );
  });

  test(`of ${FEWEST} fields and more each was missing, null, and of another type`, () => {
    expect(tried).toBeGreaterThan(FEWEST);
  });

  test.each(observed)('$scenario draws nothing from a new word for a run', async ({ recording }) => {
    const wrong = await complaints(recording, newWords(recording, 'run'), (told, { word }) => {
      const bearing = factsIn(told).filter(({ engineState }) => engineState === word);
      if (bearing.length !== 1) return ['the word is not reported'];
      return bearing[0]?.phase === undefined ? [] : [`it means ${bearing[0].phase}`];
    });
    expect(wrong).toEqual([]);
  });

  test.each(observed)('$scenario draws nothing from a new word for a task', async ({ recording }) => {
    const ends = (outcome: VerbOutcome): TaskState[] =>
      factsIn(outcome).flatMap(({ taskRuns = [] }) =>
        taskRuns.map(({ state }) => state).filter((state) => FINAL_TASK_STATES.includes(state)),
      );
    const wrong = await complaints(recording, newWords(recording, 'task'), (told, { changed }) => {
      const more = ends(told).length > ends(recording.outcome).length ? ['a task has ended that had not'] : [];
      return [...more, ...guessesIn(recording, told, changed)];
    });
    expect(wrong).toEqual([]);
  });

  test.each(recordings.filter(isWhole))('$scenario believes no broken answer', async ({ recording }) => {
    const { verb } = recording.call;
    const at = decidingIn(verb, recording.exchanges);
    const namesRun = /"sb-[a-z2-7]{26}-g1"/.test(bodyOf(recording.exchanges[at] as Exchange));
    const codes = recording.exchanges.some(acts) ? ['unknown', 'timeout'] : ['unknown', 'timeout', 'unavailable'];
    const wrong: string[] = [];
    for (const broken of BROKEN_SHAPES) {
      if (broken === 'other-key' && !(OF_ONE_RUN.includes(verb) && namesRun)) continue;
      const exchanges = recording.exchanges.map((one, index) => (index === at ? { ...one, broken } : one));
      const told = await hear(recording, exchanges);
      if ('failed' in told ? !codes.includes(told.failed) : !isSilent(told, recording.outcome)) {
        wrong.push(`${broken}: ${JSON.stringify(told).slice(0, 200)}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

const OF_ONE_RUN = ['observe', 'observeMany', 'submit', 'find', 'cancel'];

/** One that was answered well: of a refusal the body is only for people, and what is read back needs no answer. */
function isWhole({ recording: { call, exchanges } }: { recording: Recording }): boolean {
  if (call.verb === 'forget' || (call.verb === 'sentinel' && exchanges.some(acts))) return false;
  const deciding = exchanges[decidingIn(call.verb, exchanges)];
  return deciding !== undefined && deciding.status < 300 && deciding.status !== 204;
}

/** The last call that changes something where there is one, else the first read after the version and the login. */
function decidingIn(verb: string, exchanges: readonly Exchange[]): number {
  const acting = exchanges.findLastIndex(acts);
  if (acting >= 0) return acting;
  const asksVersion = (path: string): boolean => /\/version$|\/auth\/token$/.test(path);
  return exchanges.findIndex(({ path, status }) => asksVersion(path) === (verb === 'ping') && status < 300);
}

/** Runs of a list that are said to be unread, or were in another list that was whole. */
function isSilent(told: VerbOutcome, recorded: VerbOutcome): boolean {
  if ('failed' in told || !Array.isArray(told.answered)) return false;
  const before = factsIn(recorded).map((facts) => JSON.stringify(facts));
  const unread = factsIn(told).filter((facts) => !before.includes(JSON.stringify(facts)));
  return unread.length > 0 && unread.every(({ presence }) => (presence as string) === 'unread');
}

function factsIn(told: VerbOutcome): PresentExecution[] {
  if ('failed' in told) return [];
  return (Array.isArray(told.answered) ? told.answered : [told.answered]) as unknown as PresentExecution[];
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
