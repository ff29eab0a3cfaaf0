/** What an engine has that Signalbox did not put there: workflows that can be referred to. */
import type { Json } from '../../definition/definition-types.js';
import type { JsonObject } from './http/read-answer.js';

export interface DiscoverRequest {
  /** Only what this text of a `reference` names, with its parameters; absent = everything, in pages. */
  reference?: string;
  /** Opaque, from an earlier page; absent = from the beginning. */
  cursor?: string;
}

/** An input that the engine's own definition declares. */
export interface EngineParameter {
  name: string;
  /** In words of JSON Schema, as far as the engine has them: type, enum, minimum, maximum, pattern, title, description. */
  schema: JsonObject;
  /** What the engine takes when a run gives nothing. */
  default?: Json;
  /** The engine refuses a run that does not give it. */
  required: boolean;
}

export interface EngineWorkflow {
  /** The text of a `reference` definition that names it. */
  reference: string;
  /** Other texts that name the same one. */
  otherReferences: string[];
  /** The engine's own name of it. */
  name: string;
  description?: string;
  /** The engine's labels; what it calls tags is under the key `tag`. */
  labels: { key: string; value: string }[];
  /** The engine begins no run of it at present. */
  paused?: boolean;
  /** Why no run of it would work at present, in the engine's words. */
  obstacle?: string;
  /** Present when it was asked for by its reference, or comes with the list anyway. */
  parameters?: EngineParameter[];
}

export interface DiscoveredPage {
  /** In the order of their names, as far as one page goes. */
  workflows: EngineWorkflow[];
  /** Where the next page starts; absent = this was the last one. */
  nextCursor?: string;
  /** What could not be looked at, a sentence each: the rest is whole all the same. */
  gaps?: string[];
}
