import type { Json, ParamSchema, ValueType } from './definition-types.js';

export const UI_FORM_TYPES = [
  'bool',
  'int',
  'float',
  'list',
  'str',
  'object',
  'dataset',
  'data_entity',
  'file',
  'terms',
] as const;
export type UiFormType = (typeof UI_FORM_TYPES)[number];

/** How a client asks for a value. Beyond these members there are those of the type, see the API. */
export interface UiForm {
  type: UiFormType;
  title: string;
  description: string;
  help?: string;
  required: boolean;
  default?: Json;
  [member: string]: Json | undefined;
}

export interface WorkflowParameter {
  env_variable_name: string;
  ui_form: UiForm;
}

const FORM_OF: Readonly<Record<ValueType, UiFormType>> = {
  string: 'str',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  array: 'list',
  object: 'object',
};

/** Widgets that are a type of form of their own. */
const WIDGETS: Readonly<Record<string, UiFormType>> = {
  'dataset-picker': 'dataset',
  'data-entity-picker': 'data_entity',
  'file-picker': 'file',
  terms: 'terms',
};

/** What an author may set under `x-ui`; anything else there is left to other readers of the file. */
const UI_MEMBERS = [
  'title',
  'description',
  'help',
  'true_label',
  'false_label',
  'options',
  'multiselectable',
  'query',
  'limit',
  'pagination',
  'accept',
  'multiple',
  'terms_text',
] as const;

/** The params of a definition as the parameters of a workflow, in the order of the file. */
export function toWorkflowParameters(params: Readonly<Record<string, ParamSchema>>): WorkflowParameter[] {
  return Object.entries(params).map(([name, schema]) => ({ env_variable_name: name, ui_form: toUiForm(name, schema) }));
}

function toUiForm(name: string, schema: ParamSchema): UiForm {
  const ui = recordOf(schema['x-ui']);
  const type = formType(schema, ui);
  const form: UiForm = {
    type,
    title: schema.title ?? name,
    description: schema.description ?? '',
    required: schema.default === undefined,
    ...(schema.default === undefined ? {} : { default: schema.default }),
    ...membersOf(type, schema),
  };
  if (ui.widget === 'multiselect') form.multiselectable = true;
  for (const member of UI_MEMBERS) {
    const value = ui[member];
    const isText = member === 'title' || member === 'description' || member === 'help';
    if (value !== undefined && (!isText || typeof value === 'string')) Object.assign(form, { [member]: value });
  }
  return form;
}

function formType(schema: ParamSchema, ui: Readonly<Record<string, Json>>): UiFormType {
  const asked = UI_FORM_TYPES.find((type) => type === ui.type);
  if (asked !== undefined) return asked;
  const widget = typeof ui.widget === 'string' && Object.hasOwn(WIDGETS, ui.widget) ? WIDGETS[ui.widget] : undefined;
  // A choice among given values is a list to pick from, whatever the values are.
  return widget ?? (Array.isArray(schema.enum) ? 'list' : FORM_OF[schema.type]);
}

function membersOf(type: UiFormType, schema: ParamSchema): Record<string, Json> {
  const members: Record<string, Json> = {};
  if (type === 'list') {
    const choices = schema.enum ?? recordOf(schema.items).enum;
    // Without options the entries are free.
    if (Array.isArray(choices)) members.options = choices;
    members.multiselectable = schema.type === 'array';
  } else if (type === 'int' || type === 'float') {
    for (const bound of ['minimum', 'maximum'] as const) {
      const value = schema[bound];
      if (value !== undefined) members[bound] = value;
    }
  } else if (type === 'str' && schema.pattern !== undefined) {
    members.regex_pattern = schema.pattern;
  }
  return members;
}

function recordOf(value: Json | undefined): Readonly<Record<string, Json>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}
