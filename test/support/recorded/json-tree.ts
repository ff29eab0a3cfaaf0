/** The places in a JSON value, and what may befall one of them. Pure. */
import type { Json } from '../../../definition/definition-types.js';

export type Place = readonly (string | number)[];

export const CHANGES = ['removed', 'null', 'of another type'] as const;
export type Change = (typeof CHANGES)[number];

/** A field that no engine has. */
const NEW_FIELD = 'brand_new_field';

/** Every field of every object, and every element of every list. */
export function placesIn(value: Json, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, Json][] = Array.isArray(value)
    ? value.map((one, index): [number, Json] => [index, one])
    : Object.entries(value);
  return entries.flatMap(([name, one]) => [[...at, name], ...placesIn(one, [...at, name])]);
}

/** `items[].name`: the same for places that are alike. Keys that are names of things are `*`. */
export function shapeOf(place: Place): string {
  return place
    .map((part) => (typeof part === 'number' ? '[]' : isName(part) ? '.*' : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

/** Undefined where the change would change nothing. */
export function changedAt(value: Json, place: Place, change: Change): Json | undefined {
  const copy = structuredClone(value);
  const holder = place
    .slice(0, -1)
    .reduce<Json>((one, part) => (one as Record<string | number, Json>)[part] ?? null, copy);
  const name = place.at(-1);
  if (name === undefined || typeof holder !== 'object' || holder === null) return undefined;
  const fields = holder as Record<string | number, Json>;
  const was = fields[name] ?? null;
  if (change === 'removed') {
    // An element that is not there is another list, an entry that is not there another map: no field is missing.
    if (Array.isArray(holder) || isName(String(name))) return undefined;
    delete fields[name];
  } else if (change === 'null') {
    if (was === null) return undefined;
    fields[name] = null;
  } else {
    fields[name] = retyped(was);
  }
  return copy;
}

/** Each object has one field more, but for those that `isMap` calls so, whose keys are no fields. */
export function withNewFields(value: Json, isMap: (shape: string) => boolean, at: Place = []): Json {
  if (Array.isArray(value)) return value.map((one, index) => withNewFields(one, isMap, [...at, index]));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, one]) => [name, withNewFields(one, isMap, [...at, name])] as const);
  const added = isMap(shapeOf(at)) ? [] : [[NEW_FIELD, { new: ['field'] }] as const];
  return Object.fromEntries([...fields, ...added]);
}

/** Only the fields that are among these places; elements of lists stay. */
export function onlyPlaces(value: Json, places: readonly Place[]): Json {
  const kept = new Set(places.map((place) => JSON.stringify(place)));
  const prune = (one: Json, at: Place): Json => {
    if (Array.isArray(one)) return one.map((element, index) => prune(element, [...at, index]));
    if (typeof one !== 'object' || one === null) return one;
    const fields = Object.entries(one).filter(([name]) => kept.has(JSON.stringify([...at, name])));
    return Object.fromEntries(fields.map(([name, field]) => [name, prune(field, [...at, name])]));
  };
  return prune(value, []);
}

/** A key that is the name of a thing. */
function isName(key: string): boolean {
  return /^sb-|recorded/.test(key);
}

function retyped(value: Json): Json {
  if (typeof value === 'string' || value === null) return 17;
  if (typeof value === 'object') return Array.isArray(value) ? { list: value.length } : 'a text';
  return `was ${String(value)}`;
}
