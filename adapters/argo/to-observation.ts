/** From a workflow of Argo to facts. Pure. */
import type { Json } from '../../definition/definition-types.js';
import type { ListedExecution } from '../spi/engine-adapter.js';
import type { Failure, PresentExecution, RunPhase, TaskGraph, TaskRunFacts } from '../spi/facts.js';
import { garbage, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { readHistory } from './attempt-history.js';
import { RUN_ID } from './compile/argo-names.js';
import { readPlan } from './compile/plan.js';
import { failureOfRun, outputsOfRun, toCompiledTaskRuns } from './compiled-runs.js';
import { INSTALLATION, RUN_KEY, readMarker } from './marker.js';
import { argumentOf, isObject, objectIn, textIn, timeIn } from './read-fields.js';
import { toNodes } from './to-nodes.js';
import type { PlacedNode } from './to-nodes.js';
import { OWN_SCOPE, toTaskGraph } from './to-task-graph.js';
import { toOutputs, toTaskRuns } from './to-task-runs.js';

/** Argo's words for a workflow. Without one the controller has not seen it yet. */
export const WORKFLOW_PHASES: Readonly<Record<string, RunPhase>> = {
  '': 'scheduled',
  Pending: 'scheduled',
  Running: 'running',
  Succeeded: 'succeeded',
  Failed: 'failed',
  Error: 'failed',
};

/** The controller labels a workflow with its phase: where a row is without its status. */
export const PHASE_LABEL = 'workflows.argoproj.io/phase';

/** Makes addresses of Argo's own pages; nothing where nobody serves them. */
export type PageOf = (workflow: { name: string; uid: string }, nodeId?: string) => string | undefined;

/** What a row of a list can tell; `key` is the one that was asked for: an answer about another run is no answer. */
export function toFacts(workflow: JsonObject, key: string, pageOf: PageOf): PresentExecution {
  readMarker(workflow, key);
  const uid = readText(objectIn(workflow, 'metadata')['uid'], 'uid');
  const spec = objectIn(workflow, 'spec');
  const status = objectIn(workflow, 'status');
  const word = textIn(status, 'phase') ?? '';
  const startedAt = timeIn(status, 'startedAt');
  const finishedAt = timeIn(status, 'finishedAt');
  const stopEvidence = wasShutDown(spec, status);
  const facts: PresentExecution = {
    presence: 'present',
    key,
    externalId: key,
    engineUid: uid,
    engineState: word,
    stopEvidence,
    // A retry keeps the uid and begins anew; archived rows have no spec to count rounds by.
    baseline: `${uid} ${startedAt?.toISOString() ?? 'not begun'}`,
  };
  const page = pageOf({ name: key, uid });
  if (page !== undefined) facts.engineUrl = page;
  const labelled = textIn(objectIn(objectIn(workflow, 'metadata'), 'labels'), PHASE_LABEL);
  // Without a word it has not begun. One that bears the label of a phase has: the answer does not tell its word.
  const phase = word === '' && labelled !== undefined ? undefined : phaseOf(word, spec, stopEvidence);
  if (phase) facts.phase = phase;
  if (startedAt) facts.startedAt = startedAt;
  if (finishedAt && phase !== 'running' && phase !== 'paused') facts.finishedAt = finishedAt;
  const message = textIn(status, 'message');
  if (phase === 'scheduled' && message !== undefined) facts.stateReason = 'engine-queue';
  if (phase === 'failed') facts.failure = failureOf(word, message);
  return facts;
}

/**
 * The whole of a workflow: its task runs with their attempts, the reason it failed, its outputs. `unseen` is the graph of a
 * workflow that the controller has not seen yet, and that does not hold its templates therefore.
 */
export function toObservation(workflow: JsonObject, key: string, pageOf: PageOf, unseen?: TaskGraph): PresentExecution {
  const facts = toFacts(workflow, key, pageOf);
  if (!hasNodes(workflow)) {
    // Argo keeps them in a database of its own, which only argo-server reads.
    if (isOffloaded(workflow)) return { ...facts, stateReason: 'engine-nodes-out-of-reach' };
    if (hasToHaveNodes(facts)) throw garbage(`${key} has ended well without a node`);
  }
  const place = { name: key, uid: facts.engineUid ?? '' };
  const ended = facts.phase === 'succeeded' || facts.phase === 'failed' || facts.phase === 'cancelled';
  const spec = objectIn(workflow, 'spec');
  const submitted = submittedSpec(workflow);
  const plan = readPlan(submitted);
  // Read as anybody's templates its tasks would have other names, and their outputs other values.
  if (!plan && submitted !== spec && argumentOf(spec, RUN_ID) !== undefined)
    throw garbage('a compiled workflow without its plan');
  const sources = {
    nodes: nodesOf(workflow, key),
    history: readHistory(spec),
    notBegun: !ended ? 'PENDING' : facts.phase === 'cancelled' ? 'CANCELLED' : 'SKIPPED',
    pageOf: (nodeId: string) => pageOf(place, nodeId),
  } as const;
  const taskRuns = plan
    ? toCompiledTaskRuns({ ...sources, plan })
    : toTaskRuns({ ...sources, graph: unseen ?? graphOf(workflow) });
  const observation: PresentExecution = { ...facts, taskRuns };
  if (facts.phase === 'failed') {
    const failure = plan ? failureOfRun(plan, taskRuns) : firstFailure(taskRuns);
    if (failure) observation.failure = failure;
  }
  if (facts.phase !== 'succeeded') return observation;
  const outputs = plan ? outputsOfRun(plan, taskRuns, spec) : runOutputs(workflow, key);
  if (outputs) observation.outputs = outputs;
  return observation;
}

export function nodesOf(workflow: JsonObject, key: string): PlacedNode[] {
  const annotations = objectIn(objectIn(workflow, 'metadata'), 'annotations');
  const podNamesV1 = annotations['workflows.argoproj.io/pod-name-format'] === 'v1';
  return toNodes(key, objectIn(objectIn(workflow, 'status'), 'nodes'), podNamesV1);
}

/** As it was submitted: Argo keeps the templates in the status, and what was called from others beside them. */
function graphOf(workflow: JsonObject): TaskGraph {
  const status = objectIn(workflow, 'status');
  const stored = objectIn(status, 'storedTemplates');
  return toTaskGraph(submittedSpec(workflow), (scope, template) => {
    const found = scope === OWN_SCOPE ? undefined : stored[`${scope}/${template}`];
    return isObject(found) ? found : undefined;
  });
}

function submittedSpec(workflow: JsonObject): JsonObject {
  const kept = objectIn(workflow, 'status')['storedWorkflowTemplateSpec'];
  return isObject(kept) ? kept : objectIn(workflow, 'spec');
}

/** A row of a list of everything under keys of Signalbox; nothing for one without a key. */
export function toListed(row: JsonObject): ListedExecution | undefined {
  const metadata = objectIn(row, 'metadata');
  const labels = objectIn(metadata, 'labels');
  const key = textIn(labels, RUN_KEY);
  const name = textIn(metadata, 'name');
  // What was resubmitted by hand bears our labels under a name of its own: it is none of ours.
  if (key === undefined || name !== key) return undefined;
  const createdAt = timeIn(metadata, 'creationTimestamp');
  if (!createdAt) throw garbage('a workflow without the time of its creation');
  return {
    key,
    externalId: name,
    installationId: textIn(labels, INSTALLATION) ?? '',
    engineState: textIn(objectIn(row, 'status'), 'phase') ?? textIn(labels, PHASE_LABEL) ?? '',
    createdAt,
  };
}

function phaseOf(word: string, spec: JsonObject, stopEvidence: boolean): RunPhase | undefined {
  const phase = Object.hasOwn(WORKFLOW_PHASES, word) ? WORKFLOW_PHASES[word] : undefined;
  if (phase === 'failed' && stopEvidence) return 'cancelled';
  const open = phase === 'scheduled' || phase === 'running';
  return open && spec['suspend'] === true ? 'paused' : phase;
}

/** Archived rows have no spec: the message says it too. */
function wasShutDown(spec: JsonObject, status: JsonObject): boolean {
  const strategy = textIn(spec, 'shutdown');
  return strategy !== undefined || (textIn(status, 'message') ?? '').startsWith("Stopped with strategy '");
}

function failureOf(word: string, message: string | undefined): Failure {
  return word === 'Error'
    ? { class: 'engine', code: 'engine-error', message: message ?? 'Argo ended the workflow with an error' }
    : { class: 'user', code: 'task-failed', message: message ?? 'a task failed' };
}

function firstFailure(taskRuns: readonly TaskRunFacts[]): Failure | undefined {
  const failed = taskRuns.filter(({ failure }) => failure !== undefined);
  failed.sort((a, b) => (a.finishedAt?.getTime() ?? Infinity) - (b.finishedAt?.getTime() ?? Infinity));
  return failed[0]?.failure;
}

/** Output parameters of the entrypoint, whose node has the name of the workflow, and those with a global name. */
function runOutputs(workflow: JsonObject, key: string): Record<string, Json> | undefined {
  const status = objectIn(workflow, 'status');
  const own = toOutputs(objectIn(objectIn(objectIn(status, 'nodes'), key), 'outputs'));
  const global = toOutputs(objectIn(status, 'outputs'));
  return own || global
    ? Object.fromEntries([...Object.entries(global ?? {}), ...Object.entries(own ?? {})])
    : undefined;
}

/** Argo says so instead of showing nodes. */
export function isOffloaded(workflow: JsonObject): boolean {
  return textIn(objectIn(workflow, 'status'), 'offloadNodeStatusVersion') !== undefined;
}

/** One that failed may have had none: what it was to do could not be read. */
function hasToHaveNodes({ phase, engineState }: PresentExecution): boolean {
  return phase === 'succeeded' || (phase === undefined && engineState === '');
}

function hasNodes(workflow: JsonObject): boolean {
  return Object.keys(objectIn(objectIn(workflow, 'status'), 'nodes')).length > 0;
}
