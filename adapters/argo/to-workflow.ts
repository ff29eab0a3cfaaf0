/** From what Signalbox submits to the objects that Argo is given. Pure. */
import { createHash } from 'node:crypto';
import type { Json } from '../../definition/definition-types.js';
import type { Submission, WorkflowVersion } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { TemplateRef } from './argo-access.js';
import { ROUND_PARAMETER } from './attempt-history.js';
import { RUN_ID, TRACEPARENT, paramArgument } from './compile/argo-names.js';
import { base64 } from './compile/expression.js';
import { MANAGED_BY, toLabelValue, toMetadata } from './marker.js';
import { declaredParameters, readDefinition } from './read-definition.js';
import type { ReadDefinition } from './read-definition.js';
import { objectIn } from './read-fields.js';

const TITLE = 'signalbox/title';
export const DEFINITION_DIGEST = 'signalbox/definition-digest';
/** A template that declares the parameter of this name gets the value in base64, byte for byte. */
const BASE64_PREFIX = 'signalbox-base64-';

/** The template that runs of this version use. Its name is made of what identifies the version, so it is never another's. */
export function templateOf(workflow: WorkflowVersion, installationId: string): TemplateRef {
  if (workflow.definition.format === 'reference') {
    const read = readDefinition(workflow.definition);
    if (read.format === 'reference') return read.ref;
  }
  const { project, title, version, digest } = workflow;
  const identity = createHash('sha256').update(JSON.stringify([installationId, project, title, version, digest]));
  const slug = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 30)
    .replace(/-$/, '');
  const name = `sb-${slug === '' ? '' : `${slug}-`}v${version}-${identity.digest('hex').slice(0, 12)}`;
  return { kind: 'WorkflowTemplate', name };
}

/** What is registered: the template under our name, with our labels beside the user's, run by `serviceAccount` where one is given. */
export function toTemplate(
  template: JsonObject,
  workflow: WorkflowVersion,
  installationId: string,
  serviceAccount?: string,
): JsonObject {
  const metadata = objectIn(template, 'metadata');
  return {
    metadata: {
      name: templateOf(workflow, installationId).name,
      labels: {
        ...objectIn(metadata, 'labels'),
        [MANAGED_BY]: 'signalbox',
        'signalbox/installation': toLabelValue(installationId),
        'signalbox/workflow-version': toLabelValue(workflow.id),
      },
      annotations: {
        ...objectIn(metadata, 'annotations'),
        [TITLE]: workflow.title,
        [DEFINITION_DIGEST]: workflow.digest,
      },
    },
    spec: {
      ...objectIn(template, 'spec'),
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    },
  };
}

/** `installationId` is whose template it calls; `keepSeconds` after its end Argo may remove the workflow, and its name is free again. Throws `rejected`. */
export function toWorkflow(
  submission: Submission,
  installationId: string,
  keepSeconds: number,
  traceparent: string,
): JsonObject {
  const { workflow, parameters } = submission;
  const { kind, name } = templateOf(workflow, installationId);
  const given =
    workflow.definition.format === 'signalbox/v1'
      ? compiledArguments(submission, traceparent)
      : toArguments(parameters, readDefinition(workflow.definition));
  return {
    metadata: toMetadata(submission),
    spec: {
      workflowTemplateRef: kind === 'ClusterWorkflowTemplate' ? { name, clusterScope: true } : { name },
      arguments: { parameters: [...given, { name: ROUND_PARAMETER, value: '1' }] },
      ttlStrategy: {
        secondsAfterCompletion: keepSeconds,
        secondsAfterSuccess: keepSeconds,
        secondsAfterFailure: keepSeconds,
      },
    },
  };
}

/** Of a compiled definition: base64 all of it, so that whatever a value holds is none of Argo's business. */
function compiledArguments({ parameters, runId }: Submission, traceparent: string): { name: string; value: string }[] {
  const params = Object.entries(parameters).map(([name, value]) => ({
    name: paramArgument(name),
    value: base64(JSON.stringify(value)),
  }));
  return [...params, { name: RUN_ID, value: base64(runId) }, { name: TRACEPARENT, value: base64(traceparent) }];
}

/** A text as it is, anything else as one compact JSON text: Argo's parameters are texts. */
function toArguments(parameters: Record<string, Json>, read: ReadDefinition): { name: string; value: string }[] {
  const declared = new Set(read.format === 'native' ? declaredParameters(read.template) : []);
  return Object.entries(parameters).flatMap(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const exact = `${BASE64_PREFIX}${name}`;
    if (declared.has(exact)) return [{ name: exact, value: Buffer.from(text, 'utf8').toString('base64') }];
    if (text.includes('{{')) throw wouldBeTemplated(name);
    return [{ name, value: text }];
  });
}

/** Argo replaces `{{...}}` in values too, and executes expressions in it: a value would become code. */
function wouldBeTemplated(name: string): EngineError {
  return new EngineError(
    'rejected',
    `The parameter ${name} holds "{{", which Argo would take for a template. ` +
      `A WorkflowTemplate that declares the parameter ${BASE64_PREFIX}${name} gets any value, in base64.`,
  );
}
