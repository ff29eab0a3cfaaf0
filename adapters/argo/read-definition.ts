/** The definitions that this adapter takes: a WorkflowTemplate as text, the name of one that is there, or one to compile. Pure. */
import { LineCounter, parseDocument } from 'yaml';
import type { Definition, Diagnostic, Json } from '../../definition/definition-types.js';
import type { DefinitionText } from '../spi/engine-adapter.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { TemplateRef } from './argo-access.js';
import { readForArgo } from './compile/compile-definition.js';
import { toWorkflowTemplate } from './compile/compile-workflow.js';
import { isObject, objectIn, objectsIn, textIn } from './read-fields.js';

/** Aliases of YAML may grow without bound. */
const ALIAS_LIMIT = 100;
const API_VERSION = 'argoproj.io/v1alpha1';

export type ReadDefinition =
  | { format: 'native'; template: JsonObject; diagnostics: Diagnostic[] }
  | { format: 'compiled'; template: JsonObject; definition: Definition; diagnostics: Diagnostic[] }
  | { format: 'reference'; ref: TemplateRef; diagnostics: Diagnostic[] }
  | { format: 'unreadable'; diagnostics: Diagnostic[] };

/** Says everything that is wrong at once; nothing of the text is executed. */
export function readDefinition({ format, text }: DefinitionText): ReadDefinition {
  switch (format) {
    case 'native':
      return readNative(text);
    case 'reference':
      return readReference(text);
    case 'signalbox/v1':
      return readPortable(text);
  }
}

/** Warnings are told and change nothing. */
function readPortable(text: string): ReadDefinition {
  const { definition, diagnostics } = readForArgo(text);
  if (!definition || diagnostics.some(({ severity }) => severity === 'error'))
    return { format: 'unreadable', diagnostics };
  return { format: 'compiled', template: toWorkflowTemplate(definition), definition, diagnostics };
}

/** `NAME` or `WorkflowTemplate/NAME` in the engine's namespace, `ClusterWorkflowTemplate/NAME` for all. */
function readReference(text: string): ReadDefinition {
  const match = /^(?:(WorkflowTemplate|ClusterWorkflowTemplate)\/)?([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$/.exec(
    text.trim(),
  );
  if (!match) {
    return unreadable(
      'engine-name-invalid',
      'A reference is NAME, WorkflowTemplate/NAME or ClusterWorkflowTemplate/NAME, and NAME a name of Kubernetes.',
    );
  }
  const kind = match[1] === 'ClusterWorkflowTemplate' ? match[1] : 'WorkflowTemplate';
  return { format: 'reference', ref: { kind, name: match[2] ?? '' }, diagnostics: [] };
}

function readNative(text: string): ReadDefinition {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  if (document.errors.length > 0) {
    const diagnostics = document.errors.map((error): Diagnostic => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { severity: 'error', code: 'yaml-invalid', message: error.message, pointer: '', line, column: col };
    });
    return { format: 'unreadable', diagnostics };
  }
  let template: Json;
  try {
    template = document.toJS({ maxAliasCount: ALIAS_LIMIT }) as Json;
  } catch (error) {
    return unreadable('yaml-invalid', (error as Error).message);
  }
  if (!isObject(template)) return unreadable('not-a-template', 'The text is not a WorkflowTemplate.');
  return { format: 'native', template, diagnostics: checkTemplate(template) };
}

/** What Argo would refuse, or worse: take and fail each run. Its own lint says the rest, one problem at a time. */
function checkTemplate(template: JsonObject): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const refuse = (pointer: string, code: string, message: string): number =>
    problems.push({ severity: 'error', code, message, pointer });
  if (template['apiVersion'] !== API_VERSION)
    refuse('/apiVersion', 'wrong-api-version', `It has to be ${API_VERSION}.`);
  if (template['kind'] !== 'WorkflowTemplate') refuse('/kind', 'wrong-kind', 'It has to be WorkflowTemplate.');
  const spec = objectIn(template, 'spec');
  const templates = objectsIn(spec, 'templates');
  const names = new Set(templates.map((one) => textIn(one, 'name')));
  const entrypoint = textIn(spec, 'entrypoint');
  if (entrypoint === undefined) refuse('/spec', 'entrypoint-missing', 'A run needs spec.entrypoint.');
  for (const field of ['entrypoint', 'onExit']) {
    const name = textIn(spec, field);
    if (name !== undefined && !names.has(name))
      refuse(`/spec/${field}`, 'template-unknown', `There is no template ${name}.`);
  }
  templates.forEach((one, at) => {
    objectsIn(objectIn(one, 'dag'), 'tasks').forEach((task, index) => {
      const name = textIn(task, 'template');
      if (name !== undefined && !names.has(name)) {
        const pointer = `/spec/templates/${at}/dag/tasks/${index}/template`;
        refuse(pointer, 'template-unknown', `There is no template ${name}.`);
      }
    });
  });
  return problems;
}

/** Names of the parameters that a template declares for its runs. */
export function declaredParameters(template: JsonObject): string[] {
  const given = objectsIn(objectIn(objectIn(template, 'spec'), 'arguments'), 'parameters');
  return given.flatMap((parameter) => textIn(parameter, 'name') ?? []);
}

function unreadable(code: string, message: string): ReadDefinition {
  return { format: 'unreadable', diagnostics: [{ severity: 'error', code, message, pointer: '' }] };
}
