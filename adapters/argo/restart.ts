/** Retry in place, by argo-server: same name, same uid, a new beginning. */
import type { CallContext, OptionalVerbs, RetryOutcome } from '../spi/engine-adapter.js';
import { nameOnEngine } from '../spi/born.js';
import { EngineError } from '../spi/engine-error.js';
import { FINAL_PHASES } from '../spi/facts.js';
import type { ExecutionRef, PresentExecution } from '../spi/facts.js';
import { readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { ServerVerbs } from './argo-access.js';
import { HISTORY_PARAMETER, ROUND_PARAMETER, roundOf, writeHistory } from './attempt-history.js';
import { readMarker } from './marker.js';
import { objectIn, objectsIn } from './read-fields.js';
import type { PlacedNode } from './to-nodes.js';
import { nodesOf, toObservation } from './to-observation.js';
import type { PageOf } from './to-observation.js';

export interface RestartSources {
  read(ref: ExecutionRef, ctx: CallContext): Promise<JsonObject | undefined>;
  server: ServerVerbs;
  pageOf: PageOf;
}

/** A refused change changed nothing, so it may be sent again. */
const ATTEMPTS = 4;

type Choice = { nodeId?: string } | { nothing: string };

export function restartVerbs({ read, server, pageOf }: RestartSources): Pick<OptionalVerbs, 'retry' | 'retryTask'> {
  /** Restarts what `choose` names, unless the execution has moved on since `baseline`. */
  async function restart(
    ref: ExecutionRef,
    baseline: string,
    choose: (nodes: readonly PlacedNode[]) => Choice,
    ctx: CallContext,
  ): Promise<RetryOutcome> {
    const key = nameOnEngine(ref);
    for (let attempt = 1; ; attempt += 1) {
      const workflow = await read(ref, ctx);
      if (!workflow) throw new EngineError('not-found', `Argo has no workflow ${key}`);
      const seen = toObservation(workflow, key, pageOf);
      if (!isAt(seen, baseline)) return { outcome: 'active-again' };
      if (seen.phase === 'succeeded') return { outcome: 'nothing-to-retry', message: 'no task failed' };
      const choice = choose(nodesOf(workflow, key));
      if ('nothing' in choice) return { outcome: 'nothing-to-retry', message: choice.nothing };
      // A stopped workflow is Failed before its pods have ended. Argo takes one that is there for its successor of the same name,
      // and makes none until it looks again by itself, 20 minutes later (seen, 3.7.4).
      if (seen.stopEvidence && attempt === 1) await server.podsEnded(key, ctx);
      const parameters = {
        ...defaultsOf(workflow),
        [ROUND_PARAMETER]: String(roundOf(objectIn(workflow, 'spec')) + 1),
        [HISTORY_PARAMETER]: writeHistory(seen.taskRuns ?? []),
      };
      try {
        const restarted = await server.retry(key, { ...choice, parameters }, ctx);
        readMarker(restarted, key);
        return {
          outcome: 'accepted',
          externalId: key,
          engineUid: readText(objectIn(restarted, 'metadata')['uid'], 'uid'),
        };
      } catch (error) {
        // Somebody wrote to the workflow in between: another retry, which the next look shows, or the controller's last words.
        const refused = error instanceof EngineError && (error.code === 'conflict' || error.code === 'rejected');
        if (!refused || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  return {
    retry: (ref, baseline, ctx) => restart(ref, baseline, () => ({}), ctx),
    retryTask: (ref, { task, mapIndex }, baseline, ctx) =>
      restart(ref, baseline, (nodes) => nodeOf(nodes, task, mapIndex), ctx),
  };
}

/**
 * What the template says of arguments that were not given: after a retry with parameters Argo knows those of the workflow alone
 * (seen, 3.7.4: `{{workflow.parameters.x}}` of a default stays as it is).
 */
function defaultsOf(workflow: JsonObject): Record<string, string> {
  const given = new Set(argumentsIn(objectIn(workflow, 'spec')).map(({ name }) => name));
  const all = argumentsIn(objectIn(objectIn(workflow, 'status'), 'storedWorkflowTemplateSpec'));
  return Object.fromEntries(
    all.flatMap(({ name, value }) => (given.has(name) || value === undefined ? [] : [[name, value]])),
  );
}

function argumentsIn(spec: JsonObject): { name: string; value?: string }[] {
  return objectsIn(objectIn(spec, 'arguments'), 'parameters').flatMap((parameter) => {
    const { name, value } = parameter;
    if (typeof name !== 'string') return [];
    return typeof value === 'string' ? [{ name, value }] : [{ name }];
  });
}

function isAt({ phase, baseline }: PresentExecution, expected: string): boolean {
  return phase !== undefined && FINAL_PHASES.includes(phase) && baseline === expected;
}

/** The node that stands for the task: that of its retries where it has one, else of its last attempt. */
function nodeOf(nodes: readonly PlacedNode[], task: string, mapIndex: number | undefined): Choice {
  const of = nodes.filter((node) => node.task === task && node.mapIndex === mapIndex && node.kind !== 'frame');
  const node = of.find(({ kind }) => kind === 'retry') ?? of.filter(({ type }) => type !== 'Skipped').at(-1);
  return node ? { nodeId: node.id } : { nothing: `the task ${task} never began` };
}
