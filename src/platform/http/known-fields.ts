import { getMetadataStorage } from 'class-validator';

export interface FieldRules {
  /** Names of the fields a DTO class declares, in their order. */
  known: string[];
  /** Those that may be given several times: their validators look at each value. */
  repeatable: ReadonlySet<string>;
  /** Those that hold DTOs or lists of them. */
  nested: ReadonlySet<string>;
  /** Those of them that hold lists. */
  lists: ReadonlySet<string>;
  /** Those that may be left out. */
  optional: ReadonlySet<string>;
}

const cache = new WeakMap<object, FieldRules>();

/** What a decorator says about a field. */
export type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** All that a DTO class and its parents declare; not cached. */
export function rulesOf(model: object): Rule[] {
  return getMetadataStorage().getTargetValidationMetadatas(model as () => void, '', false, false);
}

/** What a DTO class declares of its fields; nothing for any other class. */
export function fieldRules(model: object): FieldRules {
  let rules = cache.get(model);
  if (!rules) {
    const metadata = rulesOf(model);
    const namesWhere = (matches: (entry: Rule) => boolean): Set<string> =>
      new Set(metadata.filter(matches).map((entry) => entry.propertyName));
    rules = {
      known: [...namesWhere(() => true)],
      repeatable: namesWhere((entry) => entry.each),
      nested: namesWhere((entry) => entry.type === 'nestedValidation'),
      lists: namesWhere((entry) => entry.type === 'nestedValidation' && entry.each),
      optional: namesWhere((entry) => entry.type === 'conditionalValidation'),
    };
    cache.set(model, rules);
  }
  return rules;
}
