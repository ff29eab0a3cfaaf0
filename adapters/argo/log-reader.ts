/** Finds where the log of an attempt is: in its pod, in Argo's archive, or nowhere any more. */
import { nameOnEngine } from '../spi/born.js';
import type { CallContext, LogPage, LogRequest } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { FINAL_TASK_STATES } from '../spi/facts.js';
import type { AttemptFacts, TaskRunFacts } from '../spi/facts.js';
import { garbage } from '../spi/http/read-answer.js';
import type { ArgoAccess } from './argo-access.js';
import { readArchivedPage, readCursor, readPodLogPage, timeOf } from './log-page.js';
import { objectsIn } from './read-fields.js';
import type { PlacedNode } from './to-nodes.js';
import { isOffloaded, nodesOf, toObservation } from './to-observation.js';

const CONTAINER = 'main';
const ARCHIVED = /^archived\.(\d{1,15})$/;

export async function readLog(access: ArgoAccess, request: LogRequest, ctx: CallContext): Promise<LogPage> {
  const key = nameOnEngine(request.ref);
  const workflow = await access.workflow(key, ctx);
  if (!workflow) return none(`Argo has no workflow ${key} any more`);
  const { taskRuns } = toObservation(workflow, key, () => undefined);
  if (taskRuns === undefined) {
    if (!isOffloaded(workflow)) throw garbage('a workflow without its nodes');
    return none('Argo keeps the nodes of this workflow where only argo-server reads them');
  }
  const attempt = attemptOf(taskRuns, request);
  if (attempt === undefined) return none(`task ${request.task} has no attempt ${request.attempt}`);
  const node = nodesOf(workflow, key).find(({ id }) => id === attempt.externalId);
  if (node === undefined) return none('Argo deleted the pod of this attempt with its log when the run was retried');
  if (node.type !== 'Pod') return none(`a task of type ${node.type} has no log`);
  const archived = request.cursor === undefined ? undefined : ARCHIVED.exec(request.cursor);
  if (archived) return fromArchive(access, request, node, Number(archived[1]), ctx);
  const ended = FINAL_TASK_STATES.includes(attempt.state);
  const live = await fromPod(access, request, node, ended, ctx);
  if (live) return live;
  // Where the archive has the line that a cursor of the pod stands at is not known.
  const begun = timeOf(readCursor(request.cursor)) !== undefined;
  return begun ? none('the pod went away while its log was read') : fromArchive(access, request, node, 0, ctx);
}

function attemptOf(
  taskRuns: readonly TaskRunFacts[],
  { task, mapIndex, attempt }: LogRequest,
): AttemptFacts | undefined {
  const run = taskRuns.find((one) => one.task === task && one.mapIndex === mapIndex);
  return run?.attempts?.find((one) => one.attempt === attempt);
}

/** Nothing when the attempt has ended and its pod is gone. */
async function fromPod(
  access: ArgoAccess,
  request: LogRequest,
  node: PlacedNode,
  ended: boolean,
  ctx: CallContext,
): Promise<LogPage | undefined> {
  const since = timeOf(readCursor(request.cursor));
  const query = {
    workflow: nameOnEngine(request.ref),
    pod: node.pod,
    container: CONTAINER,
    ...(since ? { since } : {}),
  };
  try {
    return await readPodLogPage(access.podLog(query, ctx), request, ended);
  } catch (error) {
    const gone = error instanceof EngineError && (error.code === 'not-found' || error.code === 'rejected');
    if (!gone) throw error;
    // A pod that has not begun has no log yet; one that is not there any more will never have one.
    return ended ? undefined : readPodLogPage(noLines(), request, false);
  }
}

async function fromArchive(
  { server }: ArgoAccess,
  request: LogRequest,
  node: PlacedNode,
  linesRead: number,
  ctx: CallContext,
): Promise<LogPage> {
  const wasStored = objectsIn(node.outputs, 'artifacts').some(({ name }) => name === 'main-logs');
  if (!wasStored) return none('the pod is gone, and Argo did not archive its log (archiveLogs)');
  if (!server) return none('the pod is gone; its log is archived, which only argo-server reads');
  const lines = await server.archivedLog({ workflow: nameOnEngine(request.ref), nodeId: node.id }, ctx);
  return readArchivedPage(lines, linesRead, request.limitBytes);
}

function none(reason: string): LogPage {
  return { source: 'none', chunks: noBytes(), end: true, reason };
}

async function* noBytes(): AsyncGenerator<Uint8Array> {
  // No log, no bytes.
}

async function* noLines(): AsyncGenerator<string> {
  // Nothing was written yet.
}
