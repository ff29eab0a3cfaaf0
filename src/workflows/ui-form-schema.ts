/** What a client's form says about a value, as the schema the value is checked against. */
import { checkValue } from '../../definition/check-value.js';
import type { Json, ParamSchema, ValueType } from '../../definition/definition-types.js';
import { namedParameters, type ParameterNaming } from '../../definition/parameter-names.js';
import { linearPattern, MatchBudget } from '../../definition/pattern.js';
import type { UiFormType } from '../../definition/workflow-parameters.js';
import { assertNever } from '../platform/assert-never.js';
import type { ProblemItem } from '../platform/problem.js';

export interface ParameterForm {
  type: UiFormType;
  required: boolean;
  default?: Json | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  options?: Json[] | undefined;
  multiselectable?: boolean | undefined;
  regex_pattern?: string | undefined;
  multiple?: boolean | undefined;
}

export interface ParameterOfWorkflow extends ParameterNaming {
  ui_form: ParameterForm;
}

/** Marks a parameter that a run may leave out although it has no default. */
const OPTIONAL = 'x-optional';

export function isOptional(schema: ParamSchema): boolean {
  return schema[OPTIONAL] === true;
}

/** The schema of a form that has no problems. */
export function uiFormSchema(form: ParameterForm): ParamSchema {
  return {
    ...valueSchema(form),
    ...(form.default === undefined ? {} : { default: form.default }),
    ...(form.required || form.default !== undefined ? {} : { [OPTIONAL]: true }),
  };
}

/** Schemas by the names that a run's `parameters` use. */
export function parameterSchemas(parameters: readonly ParameterOfWorkflow[]): Record<string, ParamSchema> {
  return Object.fromEntries(
    namedParameters(parameters).map(([name, parameter]) => [name, uiFormSchema(parameter.ui_form)]),
  );
}

/** Everything wrong with the parameters of a workflow that their types alone do not tell. */
export function parameterProblems(parameters: readonly ParameterOfWorkflow[], pointer: string): ProblemItem[] {
  const problems: ProblemItem[] = [];
  const seen = new Set<string>();
  const budget = new MatchBudget();
  parameters.forEach((parameter, index) => {
    const at = `${pointer}/${index}`;
    const identity = JSON.stringify([parameter.task_title, parameter.env_variable_name]);
    if (seen.has(identity)) {
      const message = `There is another parameter ${parameter.env_variable_name}; give them different task_titles.`;
      problems.push({ pointer: `${at}/env_variable_name`, code: 'duplicate-parameter', message });
    }
    seen.add(identity);
    problems.push(...formProblems(parameter.ui_form, `${at}/ui_form`, budget));
  });
  return problems;
}

/** Members that only some types of form have. */
const MEMBERS: Readonly<Record<UiFormType, readonly string[]>> = {
  bool: ['true_label', 'false_label'],
  int: ['minimum', 'maximum'],
  float: ['minimum', 'maximum'],
  list: ['options', 'multiselectable'],
  str: ['regex_pattern'],
  object: [],
  dataset: [],
  data_entity: ['query', 'limit', 'pagination'],
  file: ['accept', 'multiple'],
  terms: ['terms_text'],
};
const COMMON = ['type', 'title', 'description', 'help', 'required', 'default'];

function formProblems(form: ParameterForm, pointer: string, budget: MatchBudget): ProblemItem[] {
  const known = [...COMMON, ...MEMBERS[form.type]];
  const problems: ProblemItem[] = Object.entries(form)
    .filter(([member, value]) => value !== undefined && !known.includes(member))
    .map(([member]) => ({
      pointer: `${pointer}/${member}`,
      code: 'unknown-field',
      message: `A form of type ${form.type} has no ${member}.`,
    }));
  const report = (member: string, code: string, message: string): number =>
    problems.push({ pointer: `${pointer}/${member}`, code, message });
  if (form.minimum !== undefined && form.maximum !== undefined && form.minimum > form.maximum) {
    report('maximum', 'out-of-range', 'maximum is below minimum.');
  }
  if (form.type === 'list' && (form.options === undefined || form.options.length === 0)) {
    report('options', 'missing', 'A list needs options to choose from.');
  }
  if (form.options !== undefined && optionType(form.options) === undefined) {
    report('options', 'wrong-type', 'Options are texts, or numbers, or true and false: all of one kind.');
  }
  if (form.regex_pattern !== undefined) {
    const pattern = linearPattern(form.regex_pattern);
    if (typeof pattern === 'string') report('regex_pattern', 'bad-pattern', `The pattern is not one: ${pattern}.`);
  }
  if (form.default !== undefined && problems.length === 0) {
    for (const problem of checkValue(valueSchema(form), form.default, budget)) {
      report('default', problem.code, `The default ${problem.message}.`);
    }
  }
  return problems;
}

function valueSchema(form: ParameterForm): ParamSchema {
  switch (form.type) {
    case 'bool':
      return { type: 'boolean' };
    case 'int':
    case 'float':
      return {
        type: form.type === 'int' ? 'integer' : 'number',
        ...(form.minimum === undefined ? {} : { minimum: form.minimum }),
        ...(form.maximum === undefined ? {} : { maximum: form.maximum }),
      };
    case 'list': {
      const options = form.options ?? [];
      const one = { type: optionType(options) ?? 'string', enum: options };
      return form.multiselectable === true ? { type: 'array', items: one, uniqueItems: true } : one;
    }
    case 'str':
      return { type: 'string', ...(form.regex_pattern === undefined ? {} : { pattern: form.regex_pattern }) };
    case 'object':
      return { type: 'object' };
    case 'dataset':
    case 'data_entity':
      return { type: 'string' };
    case 'file':
      return form.multiple === true ? { type: 'array', items: { type: 'string' } } : { type: 'string' };
    case 'terms':
      return { type: 'boolean', const: true };
    default:
      return assertNever('ui_form type', form.type);
  }
}

function optionType(options: readonly Json[]): ValueType | undefined {
  const kinds = new Set(options.map((option) => typeof option));
  if (kinds.size > 1) return undefined;
  const [kind] = kinds;
  return kind === undefined || kind === 'string'
    ? 'string'
    : kind === 'number' || kind === 'boolean'
      ? kind
      : undefined;
}
