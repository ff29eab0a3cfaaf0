/** Workflows that people, or Argo's own schedule, made of templates that are registered. */
import type { Json } from '../../definition/definition-types.js';
import type { BornExecution, BornPage, BornRequest } from '../spi/born.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { ExecutionRef } from '../spi/facts.js';
import { garbage, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { ArgoAccess } from './argo-access.js';
import { RUN_KEY } from './marker.js';
import { readDefinition } from './read-definition.js';
import { objectIn, objectsIn, textIn } from './read-fields.js';
import { toFacts } from './to-observation.js';
import type { PageOf } from './to-observation.js';

const COMPLETED = 'workflows.argoproj.io/completed';
/** Rows are workflows without their nodes; through the Kubernetes API they are whole. */
const PAGE_THROUGH_SERVER = 100;
const PAGE_THROUGH_KUBERNETES = 20;
/** What ended lately and began earlier than so long before was seen while it was active. */
const LONGEST_UNSEEN_MS = 24 * 60 * 60 * 1_000;
const ENDED_WORDS = ['Succeeded', 'Failed', 'Error'];
const LABELS = {
  WorkflowTemplate: 'workflows.argoproj.io/workflow-template',
  ClusterWorkflowTemplate: 'workflows.argoproj.io/cluster-workflow-template',
} as const;

/**
 * Argo has no filter by template, so the workflows of the namespace are gone through: what is active, then what ended lately.
 * The Kubernetes API cannot leave out what ended long ago, so there only what is active is told.
 */
export async function listBornWorkflows(
  access: ArgoAccess,
  pageOf: PageOf,
  request: BornRequest,
  ctx: CallContext,
): Promise<BornPage> {
  const references = new Map(request.references.flatMap((text) => placeOf(text).map((place) => [place, text])));
  const [part, next] = readCursor(request.cursor);
  const answer = await access.workflows(
    {
      selector: part === 'active' ? `${COMPLETED}!=true` : `${COMPLETED}=true`,
      limit: access.server ? PAGE_THROUGH_SERVER : PAGE_THROUGH_KUBERNETES,
      withSpec: true,
      ...(part === 'active' ? {} : { createdAfter: new Date(request.endedSince.getTime() - LONGEST_UNSEEN_MS) }),
      ...(next === '' ? {} : { continue: next }),
    },
    ctx,
  );
  const executions = answer.items
    .flatMap((row) => toBorn(row, references, pageOf))
    // Of one that has ended it must be known when: else it would come back for ever, as one that is active.
    .filter(({ endedAt }) => (endedAt === undefined ? part === 'active' : endedAt >= request.endedSince));
  if (answer.continue !== undefined) return { executions, nextCursor: `${part} ${answer.continue}` };
  return part === 'active' && access.server ? { executions, nextCursor: 'ended ' } : { executions };
}

/** The workflow of a name that Argo chose: one that was made under the same name since is another one. */
export async function readBorn(
  access: ArgoAccess,
  { externalId, engineUid }: ExecutionRef,
  ctx: CallContext,
): Promise<JsonObject | undefined> {
  if (externalId === undefined) return undefined;
  const workflow = await access.workflow(externalId, ctx);
  if (workflow === undefined) return undefined;
  const { name, uid } = objectIn(workflow, 'metadata');
  if (name !== externalId) throw garbage(`another workflow than ${externalId}`);
  return engineUid === undefined || uid === engineUid ? workflow : undefined;
}

function toBorn(row: JsonObject, references: ReadonlyMap<string, string>, pageOf: PageOf): BornExecution[] {
  const metadata = objectIn(row, 'metadata');
  const name = readText(metadata['name'], 'name of a workflow');
  // What was resubmitted by hand bears our labels under a name of its own: it is none of ours.
  if (objectIn(metadata, 'labels')[RUN_KEY] === name) return [];
  const reference = references.get(templateOf(row));
  if (reference === undefined) return [];
  const { engineUid, engineUrl, engineState, finishedAt } = toFacts(row, name, pageOf);
  return [
    {
      reference,
      externalId: name,
      engineState,
      parameters: parametersOf(row),
      ...(engineUid === undefined ? {} : { engineUid }),
      ...(engineUrl === undefined ? {} : { engineUrl }),
      ...(finishedAt !== undefined && ENDED_WORDS.includes(engineState) ? { endedAt: finishedAt } : {}),
    },
  ];
}

/** Of a workflow without its spec, as the archive shows it, the label says it, where `submit` or a CronWorkflow set one. */
function templateOf(row: JsonObject): string {
  const { clusterScope, name } = objectIn(objectIn(row, 'spec'), 'workflowTemplateRef');
  if (typeof name === 'string')
    return `${clusterScope === true ? 'ClusterWorkflowTemplate' : 'WorkflowTemplate'}/${name}`;
  const labels = objectIn(objectIn(row, 'metadata'), 'labels');
  for (const kind of ['WorkflowTemplate', 'ClusterWorkflowTemplate'] as const) {
    const labelled = textIn(labels, LABELS[kind]);
    if (labelled !== undefined) return `${kind}/${labelled}`;
  }
  return '';
}

function parametersOf(row: JsonObject): Record<string, Json> {
  const given = objectsIn(objectIn(objectIn(row, 'spec'), 'arguments'), 'parameters');
  return Object.fromEntries(
    given.flatMap((parameter): [string, Json][] => {
      const name = textIn(parameter, 'name');
      const { value } = parameter;
      return name === undefined || value === undefined || name.startsWith('signalbox-') ? [] : [[name, value]];
    }),
  );
}

function placeOf(reference: string): string[] {
  const read = readDefinition({ format: 'reference', text: reference });
  return read.format === 'reference' ? [`${read.ref.kind}/${read.ref.name}`] : [];
}

function readCursor(cursor: string | undefined): ['active' | 'ended', string] {
  if (cursor === undefined) return ['active', ''];
  const match = /^(active|ended) (.*)$/s.exec(cursor);
  if (!match) throw new EngineError('rejected', 'the cursor is not one of this list');
  return [match[1] as 'active' | 'ended', match[2] ?? ''];
}
