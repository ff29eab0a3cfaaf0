/** The verbs around definitions: what is registered is a WorkflowTemplate of our name, or one that is there already. */
import type { Diagnostic } from '../../definition/definition-types.js';
import type { CoreVerbs, WorkflowVersion } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { ArgoAccess, TemplateRef } from './argo-access.js';
import { readDefinition } from './read-definition.js';
import { objectIn, readNamed } from './read-fields.js';
import { readTemplateGraph, readTemplateSpec } from './template-graph.js';
import { DEFINITION_DIGEST, templateOf, toTemplate } from './to-workflow.js';

export function templateVerbs(
  access: ArgoAccess,
  installationId: string,
  serviceAccount?: string,
): Pick<CoreVerbs, 'validate' | 'register' | 'retire' | 'describe'> {
  return {
    validate: async (definition, ctx) => {
      const read = readDefinition(definition);
      const { diagnostics } = read;
      if (read.format === 'unreadable' || diagnostics.some(isError)) return { diagnostics };
      if (read.format === 'reference') {
        const found = await readTemplateSpec(access, read.ref, ctx);
        return { diagnostics: found ? [] : [notThere(read.ref)] };
      }
      if (!access.server) return { diagnostics };
      const metadata = { ...objectIn(read.template, 'metadata'), name: 'signalbox-lint' };
      const refused = await refusal(access.server.lint({ ...read.template, metadata }, ctx));
      return { diagnostics: refused ? [...diagnostics, refused] : diagnostics };
    },
    register: async (workflow, ctx) => {
      const read = readDefinition(workflow.definition);
      if (read.format === 'unreadable') return { state: 'FAILED', diagnostics: read.diagnostics };
      if (read.format === 'reference') {
        const found = await readTemplateSpec(access, read.ref, ctx);
        return found ? { state: 'READY' } : { state: 'FAILED', diagnostics: [notThere(read.ref)] };
      }
      const ref = templateOf(workflow, installationId);
      const account = read.format === 'compiled' ? serviceAccount : undefined;
      const create = access
        .createTemplate(toTemplate(read.template, workflow, installationId, account), ctx)
        .then((created) => {
          readNamed(created, ref.name);
        });
      let conflict = false;
      const refused = await refusal(create).catch((error: unknown) => {
        if (!(error instanceof EngineError) || error.code !== 'conflict') throw error;
        conflict = true;
        return undefined;
      });
      if (refused) return { state: 'FAILED', diagnostics: [refused] };
      // argo-server answers, and starts runs, from its copy of the templates, which is a moment late: READY is what it can start.
      const template = await access.template(ref, ctx);
      if (!template) return { state: 'PENDING' };
      if (conflict && !isOurs(template, ref, workflow)) return { state: 'FAILED', diagnostics: [taken(ref)] };
      return { state: 'READY' };
    },
    retire: async (workflow, ctx) => {
      if (workflow.definition.format === 'reference') return;
      await access.removeTemplate(templateOf(workflow, installationId).name, ctx);
    },
    describe: async (workflow, ctx) => {
      const ref = templateOf(workflow, installationId);
      const graph = await readTemplateGraph(access, ref, ctx);
      if (!graph) throw new EngineError('not-found', `Argo has no ${ref.kind} ${ref.name}`);
      return graph;
    },
  };
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error';
}

/** A definite refusal becomes a diagnostic with Argo's own words; anything else is thrown. */
async function refusal(call: Promise<void>): Promise<Diagnostic | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    const definite = error instanceof EngineError && (error.code === 'rejected' || error.code === 'not-found');
    if (!definite) throw error;
    return { severity: 'error', code: 'engine-refused', message: error.message, pointer: '' };
  }
}

function isOurs(template: JsonObject, ref: TemplateRef, workflow: WorkflowVersion): boolean {
  return (
    objectIn(objectIn(readNamed(template, ref.name), 'metadata'), 'annotations')[DEFINITION_DIGEST] === workflow.digest
  );
}

function notThere({ kind, name }: TemplateRef): Diagnostic {
  return { severity: 'error', code: 'reference-not-found', message: `Argo has no ${kind} ${name}.`, pointer: '' };
}

function taken({ name }: TemplateRef): Diagnostic {
  const message = `Argo has a WorkflowTemplate ${name} with other content.`;
  return { severity: 'error', code: 'engine-name-taken', message, pointer: '' };
}
