/** Fields of Argo's objects: it leaves out what is empty, so an absent one reads as empty, never as an error. */
import type { Json } from '../../definition/definition-types.js';
import { garbage, readList, readObject } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under a name, empty where there is none: Argo leaves out what is empty. */
export function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = fieldOf(parent, name);
  return isObject(value) ? value : {};
}

/** The objects of a list under a name; none where there is no such list. */
export function objectsIn(parent: JsonObject, name: string): JsonObject[] {
  const value = fieldOf(parent, name);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The rows of a list; an empty one has none, or null. Throws `unknown` for one whose rows are anything else. */
export function rowsIn(list: JsonObject): JsonObject[] {
  return readList(fieldOf(list, 'items') ?? [], 'items').map((row) => readObject(row, 'a row of the list'));
}

/** The text under a name; Argo writes "unset" as nothing, null or "". */
export function textIn(parent: JsonObject, name: string): string | undefined {
  const value = fieldOf(parent, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The value of an argument of a template or a workflow, or its default. */
export function argumentOf(spec: JsonObject, name: string): string | undefined {
  const given = objectsIn(objectIn(spec, 'arguments'), 'parameters').find((one) => one['name'] === name);
  return given && textIn(given, 'value');
}

/** A moment under a name; nothing where there is none. */
export function timeIn(parent: JsonObject, name: string): Date | undefined {
  const text = textIn(parent, name);
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw garbage(`${name} is no time`);
  return time;
}

/** The object of Kubernetes that an answer is; throws `unknown` for one of another name. */
export function readNamed(answer: Json, name: string): JsonObject {
  const found = isObject(answer) ? objectIn(answer, 'metadata')['name'] : undefined;
  if (!isObject(answer) || found !== name) throw garbage(`an object that is not ${name}`);
  return answer;
}

function fieldOf(parent: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(parent, name) ? parent[name] : undefined;
}
