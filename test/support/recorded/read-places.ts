/** Which fields of the answers somebody looks at: what nobody reads can be of no consequence. */
import type { Json } from '../../../definition/definition-types.js';
import { ENGINE_URL } from './clean-recording.js';
import type { Place } from './json-tree.js';
import type { Exchange } from './recording.js';
import { treeOf } from './body-tree.js';

/** While `work` goes on, what is parsed of the exchanges tells what is read of it. Answers the places, by exchange. */
export async function readPlacesOf(exchanges: readonly Exchange[], work: () => Promise<unknown>): Promise<Place[][]> {
  const read = exchanges.map(() => new Map<string, Place>());
  const sources = exchanges.map(textsOf);
  const { parse } = JSON;
  JSON.parse = (text: string, reviver) => {
    const value = parse(text, reviver) as unknown;
    const told = text.replaceAll(/http:\/\/127\.0\.0\.1:\d+\/play-\d+/g, ENGINE_URL);
    // Two answers may be the same text.
    return sources.reduce<unknown>((seen, texts, at) => {
      const line = texts.indexOf(told);
      if (line < 0) return seen;
      const root = exchanges[at]?.json === undefined ? [line] : [];
      return watched(seen as Json, root, (place) => read[at]?.set(JSON.stringify(place), place));
    }, value);
  };
  try {
    await work();
  } finally {
    JSON.parse = parse;
  }
  return read.map((places) => [...places.values()]);
}

function textsOf(exchange: Exchange): string[] {
  const tree = treeOf(exchange);
  if (tree === undefined) return [];
  return exchange.json === undefined ? (exchange.lines ?? []) : [JSON.stringify(tree)];
}

function watched(value: Json, at: Place, tell: (place: Place) => void): Json {
  if (typeof value !== 'object' || value === null) return value;
  /** Undefined for what is no place of the value. */
  const placeOf = (name: string | symbol): Place | undefined => {
    if (typeof name === 'symbol' || !Object.hasOwn(value, name)) return undefined;
    if (!Array.isArray(value)) return [...at, name];
    return name === 'length' ? undefined : [...at, Number(name)];
  };
  return new Proxy(value, {
    get: (target, name) => {
      const one = Reflect.get(target, name) as Json;
      const place = placeOf(name);
      if (place === undefined) return one;
      tell(place);
      return watched(one, place, tell);
    },
    // Whether it is there is asked, too.
    getOwnPropertyDescriptor: (target, name) => {
      const place = placeOf(name);
      if (place !== undefined) tell(place);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
  });
}
