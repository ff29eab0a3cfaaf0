/** From the parameters that an engine's own definition declares to forms that clients fill in. Pure. */
import type { EngineParameter } from '../../adapters/spi/discovery.js';
import type { Json } from '../../definition/definition-types.js';
import type { UiForm, UiFormType, WorkflowParameter } from '../../definition/workflow-parameters.js';
import { parameterProblems } from './ui-form-schema.js';

export interface ParameterForms {
  parameters: WorkflowParameter[];
  /** Parameters that no form can ask for, and why: the engine's own value of them holds. */
  notes: string[];
}

export const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** What of a form is its type's. */
type Shape = Pick<UiForm, 'type'> & Record<string, Json | undefined>;

const FORM_OF: Readonly<Record<string, UiFormType>> = {
  string: 'str',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  object: 'object',
};

export function toParameterForms(declared: readonly EngineParameter[]): ParameterForms {
  const parameters: WorkflowParameter[] = [];
  const notes: string[] = [];
  for (const one of declared) {
    const form = PARAMETER_NAME.test(one.name) ? toForm(one) : 'its name is not one of ours';
    if (typeof form === 'string') notes.push(`The parameter ${one.name} cannot be asked for: ${form}.`);
    else parameters.push({ env_variable_name: one.name, ui_form: form });
  }
  return { parameters, notes };
}

/** The form, or why there is none. What a rule of the engine says that ours cannot say is left to the engine. */
function toForm(declared: EngineParameter): UiForm | string {
  const { name, schema, required } = declared;
  const shape = shapeOf(declared);
  if (typeof shape === 'string') return shape;
  const form: UiForm = {
    ...shape,
    title: textOr(schema['title'], name).slice(0, 500),
    description: textOr(schema['description'], '').slice(0, 10_000),
    required,
    ...(declared.default === undefined || declared.default === null ? {} : { default: declared.default }),
  };
  if (isSound(form, name)) return form;
  const { regex_pattern: _pattern, minimum: _minimum, maximum: _maximum, ...plain } = form;
  if (isSound(plain, name)) return plain;
  return 'its default or its choices do not fit its type';
}

function shapeOf(declared: EngineParameter): Shape | string {
  const { schema } = declared;
  const choices = Array.isArray(schema['enum']) ? schema['enum'].filter((choice) => choice !== null) : [];
  if (choices.length > 0) return { type: 'list', options: choices };
  const types = typesOf(declared);
  const [type] = types;
  if (types.length > 1) return `it may be ${types.join(' or ')}`;
  if (type === 'array') {
    const { items } = schema;
    const members = isObject(items) && Array.isArray(items['enum']) ? items['enum'] : [];
    return members.length > 0 ? { type: 'list', options: members, multiselectable: true } : 'it is a list of anything';
  }
  const known = type ?? 'string';
  const formType = Object.hasOwn(FORM_OF, known) ? FORM_OF[known] : undefined;
  if (formType === undefined) return `there is no form for ${known}`;
  return { type: formType, ...boundsOf(formType, schema) };
}

/** What the schema names but null; without a word of it, what the default is. */
function typesOf({ schema, default: preset }: EngineParameter): string[] {
  const told = schema['type'];
  const named = (Array.isArray(told) ? told : [told]).filter((type): type is string => typeof type === 'string');
  if (named.length > 0) return named.filter((type) => type !== 'null');
  if (preset === undefined || preset === null) return [];
  if (Array.isArray(preset)) return ['array'];
  return [typeof preset];
}

function boundsOf(type: UiFormType, schema: Readonly<Record<string, Json>>): Partial<UiForm> {
  if (type === 'str') return typeof schema['pattern'] === 'string' ? { regex_pattern: schema['pattern'] } : {};
  if (type !== 'int' && type !== 'float') return {};
  return Object.fromEntries(
    (['minimum', 'maximum'] as const).flatMap((bound) =>
      typeof schema[bound] === 'number' ? [[bound, schema[bound]]] : [],
    ),
  );
}

function isSound(form: UiForm, name: string): boolean {
  return parameterProblems([{ env_variable_name: name, ui_form: form }], '').length === 0;
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOr(value: Json | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
