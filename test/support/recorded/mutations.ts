/** What may befall the answers of one recording: each a whole set of them in which one place is another. Pure. */
import type { Json } from '../../../definition/definition-types.js';
import type { ChangedPlace } from './guesses.js';
import { CHANGES, changedAt, placesIn, shapeOf } from './json-tree.js';
import type { Change, Place } from './json-tree.js';
import { treeOf, withTree } from './body-tree.js';
import type { Exchange, Recording } from './recording.js';

export interface Mutation {
  /** For people. */
  name: string;
  exchanges: Exchange[];
  changed: ChangedPlace;
}

/** Of places that are alike, in answers to the same question of the same verb, so many are changed. */
const TIMES = 2;

/** Which places have been changed how often: one for all recordings of a dialect, taken in their order. */
export class Sample {
  readonly #taken = new Map<string, number>();

  takes(kind: string): boolean {
    const taken = this.#taken.get(kind) ?? 0;
    this.#taken.set(kind, taken + 1);
    return taken < TIMES;
  }
}

/** Places of each shape in each answer, as far as they are `read`, changed in each way. */
export function brokenFields(
  { call, exchanges }: Recording,
  read: readonly (readonly Place[])[],
  sample: Sample,
): Mutation[] {
  return exchanges.flatMap((exchange, at) => {
    const tree = treeOf(exchange);
    if (tree === undefined) return [];
    const question = questionOf(exchange);
    // Every verb begins with these.
    const verb = /\/(version|token)$/.test(question) ? 'any' : call.verb;
    const byShape = new Map((read[at] ?? []).map((place) => [shapeOf(place), place]));
    return [...byShape].flatMap(([shape, place]) =>
      CHANGES.flatMap((change): Mutation[] => {
        const changed = changedAt(tree, place, change);
        if (changed === undefined || !sample.takes(`${verb} ${question} ${exchange.status} ${shape} ${change}`))
          return [];
        return [mutation(exchanges, at, changed, { exchange, shape, change }, `${shape} ${change}`)];
      }),
    );
  });
}

const RUN_WORD = /^(state|dag_runs\[\]\.state|status\.phase|items\[\]\.status\.phase)$/;
const TASK_WORD = /^(task_instances\[\]\.state|status\.nodes\.\*\.phase)$/;
const NEW_WORDS = ['brand_new_state', 'SUCCESS ', '__proto__', 'constructor'];

/** Every place where the word for a run stands, or for a task of one, with words that no engine has. */
export function newWords({ exchanges }: Recording, of: 'run' | 'task'): (Mutation & { word: string })[] {
  const pattern = of === 'run' ? RUN_WORD : TASK_WORD;
  return exchanges.flatMap((exchange, at) => {
    const tree = treeOf(exchange);
    if (tree === undefined) return [];
    return placesIn(tree)
      .filter((place) => pattern.test(shapeOf(place)))
      .flatMap((place) =>
        NEW_WORDS.map((word) => {
          const shape = shapeOf(place);
          const changed = { exchange, shape, change: 'of another type' as Change };
          return { ...mutation(exchanges, at, withValue(tree, place, word), changed, `${shape} ${word}`), word };
        }),
      );
  });
}

function mutation(
  exchanges: readonly Exchange[],
  at: number,
  tree: Json,
  changed: ChangedPlace,
  what: string,
): Mutation {
  return {
    name: `${questionOf(changed.exchange)} ${what}`,
    exchanges: exchanges.map((one, index) => (index === at ? withTree(one, tree) : one)),
    changed,
  };
}

/** Without the names in it. */
function questionOf({ method, path }: Exchange): string {
  const parts = (path.split('?')[0] ?? '').split('/');
  return `${method} ${parts.map((part) => (/sb[-_]|recorded/.test(part) ? '*' : part)).join('/')}`;
}

function withValue(tree: Json, place: Place, value: Json): Json {
  const [name, ...rest] = place;
  if (name === undefined) return value;
  if (Array.isArray(tree)) return tree.map((one, index) => (index === name ? withValue(one, rest, value) : one));
  const fields = tree as Record<string, Json>;
  return { ...fields, [name]: withValue(fields[name] ?? null, rest, value) };
}
