import type { Finding } from './check-structure.js';
import { checkValue } from './check-value.js';
import type { Json } from './definition-types.js';
import type { DocumentView } from './document-view.js';
import { asRecord } from './document-view.js';
import { fieldName } from './json-pointer.js';
import { linearPattern, MatchBudget } from './pattern.js';

const BOUNDS = [
  ['minimum', 'maximum'],
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
] as const;

/** What is wrong with the schemas of params and outputs themselves: their patterns, bounds, defaults and choices. */
export function checkSchemas(view: DocumentView): Finding[] {
  const findings: Finding[] = [];
  const budget = new MatchBudget();
  for (const [name, schema] of view.params) checkSchema(schema, ['params', name], budget, findings);
  for (const task of [...view.tasks.values(), ...view.finallyTasks.values()]) {
    for (const [name, output] of Object.entries(asRecord(task.body.outputs))) {
      checkSchema(asRecord(output), [...task.path, 'outputs', name], budget, findings);
    }
  }
  return findings;
}

function checkSchema(schema: Record<string, Json>, path: string[], budget: MatchBudget, findings: Finding[]): void {
  const report = (code: string, message: string, ...at: string[]): void => {
    findings.push({ severity: 'error', code, message, path: [...path, ...at] });
  };
  const { pattern } = schema;
  if (typeof pattern === 'string') {
    const compiled = linearPattern(pattern);
    if (typeof compiled === 'string') {
      const hint = 'patterns are RE2: no look-around, no back-references';
      report('bad-pattern', `${fieldName([...path, 'pattern'])} is refused: ${compiled} (${hint}).`, 'pattern');
    }
  }
  for (const [low, high] of BOUNDS) {
    const [from, to] = [schema[low], schema[high]];
    if (typeof from === 'number' && typeof to === 'number' && from > to) {
      report('empty-range', `${fieldName(path)} has ${low} ${from} above ${high} ${to}: no value fits.`, low);
    }
  }
  checkExamples(schema, path, budget, report);
  const { items, properties } = schema;
  if (items !== undefined) checkSchema(asRecord(items), [...path, 'items'], budget, findings);
  for (const [name, property] of Object.entries(asRecord(properties))) {
    checkSchema(asRecord(property), [...path, 'properties', name], budget, findings);
  }
}

/** Wrong values of one schema that are told: each costs a look at all the choices. */
const MAX_TOLD = 20;

/** A value the author wrote beside a schema must be one that the schema takes. */
function checkExamples(
  schema: Record<string, Json>,
  path: string[],
  budget: MatchBudget,
  report: (code: string, message: string, ...at: string[]) => void,
): void {
  const { enum: choices, const: constant, default: standard, examples, ...rest } = schema;
  let told = 0;
  const check = (value: Json | undefined, against: Record<string, Json>, code: string, ...at: string[]): void => {
    const [problem] = value === undefined || told === MAX_TOLD ? [] : checkValue(against, value, budget);
    if (problem === undefined) return;
    told += 1;
    report(code, `${fieldName([...path, ...at, ...problem.path])} ${problem.message}.`, ...at);
  };
  if (Array.isArray(choices)) choices.forEach((value, index) => check(value, rest, 'bad-enum', 'enum', String(index)));
  check(constant, rest, 'bad-const', 'const');
  check(standard, schema, 'bad-default', 'default');
  if (Array.isArray(examples)) {
    const { examples: _, ...whole } = schema;
    examples.forEach((value, index) => check(value, whole, 'bad-example', 'examples', String(index)));
  }
}
