import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import { Problem, type ProblemItem } from '../problem.js';
import { Remembered } from '../remembered.js';
import { fieldRules } from './known-fields.js';
import { excess } from './refuse-excess.js';
import { isSound } from './sound-model.js';
import { toProblemItems, unknownName } from './to-problem-items.js';

type Model = new () => object;

const OF_DTOS = { exposeDefaultValues: true } as const;

/** Turns bodies and queries into their DTOs, or refuses them with everything that is wrong. Path parameters have pipes of their own. */
@Injectable()
export class ValidationPipe implements PipeTransform {
  async transform(value: unknown, argument: ArgumentMetadata): Promise<unknown> {
    const model = argument.metatype as Model | undefined;
    if (model === undefined || argument.data !== undefined || isPrimitive(model)) return value;
    switch (argument.type) {
      case 'body':
        return toModel(model, asObject(value), 'body');
      case 'query':
        return toQuery(model, onceEach(model, value as Record<string, unknown>));
      case 'param':
      case 'custom':
        return value;
    }
  }
}

/** Validates a plain value against a DTO class; throws `validation-failed`. */
export async function toModel<T extends object>(
  model: new () => T,
  value: object,
  where: 'body' | 'query',
): Promise<T> {
  const instance = where === 'body' ? toInstance(model, value) : plainToInstance(model, value, OF_DTOS);
  if (isSound(instance)) return instance;
  const errors: ValidationError[] = await validate(instance, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: true, value: false },
  });
  if (errors.length > 0) throw refused(toProblemItems(errors, where));
  return instance;
}

/** The DTO of a body. What a field holds that is no DTO stays the very value that was sent: making another costs most of all. */
function toInstance<T extends object>(model: new () => T, value: object): T {
  refuse(excess(model, value));
  const { nested } = fieldRules(model);
  const free = Object.entries(value).filter(([name, member]) => typeof member === 'object' && !nested.has(name));
  const rest = { ...value, ...Object.fromEntries(free.map(([name]) => [name, null])) };
  const instance = Object.assign(plainToInstance(model, rest, OF_DTOS), Object.fromEntries(free));
  // Again, now that the objects inside it are known for what they are.
  refuse(excess(model, instance));
  return instance;
}

/** DTOs of queries that were found to hold, by the query: most have no parameter, and who polls asks the same again. */
const sound = new WeakMap<Model, Remembered<object>>();
const SOUND_OF_EACH = 200;

/** The DTO is frozen: others get it too. */
async function toQuery(model: Model, query: Record<string, unknown>): Promise<object> {
  const text = JSON.stringify(query);
  const known = sound.get(model) ?? new Remembered<object>(SOUND_OF_EACH);
  sound.set(model, known);
  return known.get(text) ?? known.keep(text, frozen(await toModel(model, query, 'query')));
}

function frozen<T extends object>(instance: T): T {
  for (const value of Object.values(instance)) if (Array.isArray(value)) Object.freeze(value);
  return Object.freeze(instance);
}

function asObject(value: unknown): object {
  // A body that is left out is one without fields: whether fields are missing is the DTO's to say.
  if (value === undefined) return {};
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw refused([{ pointer: '', code: 'wrong-type', message: 'The body must be a JSON object.' }]);
  }
  return value;
}

/** A parameter given twice is refused unless it is declared repeatable; a repeatable one is always a list. */
function onceEach(model: Model, query: Record<string, unknown>): Record<string, unknown> {
  const { known, repeatable } = fieldRules(model);
  const twice = Object.keys(query).filter((name) => Array.isArray(query[name]) && !repeatable.has(name));
  const unknown = Object.keys(query).filter((name) => !known.includes(name));
  if (twice.length > 0 || unknown.length > 0) {
    throw refused([
      ...unknown.map((parameter) => ({
        parameter,
        code: 'unknown-parameter',
        message: unknownName('parameter', parameter, known),
      })),
      ...twice
        .filter((name) => known.includes(name))
        .map((parameter) => ({ parameter, code: 'repeated', message: `${parameter} may be given once.` })),
    ]);
  }
  const entries = Object.entries(query).map(([name, value]) => [name, repeatable.has(name) ? [value].flat() : value]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function isPrimitive(model: Model): boolean {
  return ([String, Number, Boolean, Object, Array] as unknown[]).includes(model);
}

function refuse(errors: ProblemItem[]): void {
  if (errors.length > 0) throw refused(errors);
}

function refused(errors: ProblemItem[]): Problem {
  return new Problem('validation-failed', { detail: errors.map((item) => item.message).join(' '), errors });
}
