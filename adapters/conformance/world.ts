import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallContext, EngineAdapter, WorkflowVersion } from '../spi/engine-adapter.js';
import { FINAL_PHASES, FINAL_TASK_STATES } from '../spi/facts.js';
import type { ExecutionRef, PresentExecution } from '../spi/facts.js';
import type { World } from './conformance-case.js';
import type { FixtureName } from './fixtures.js';
import type { Harness } from './harness.js';

/** The installation every harness connects as. */
export const INSTALLATION_ID = 'conformance-installation';

export function makeWorld(adapter: EngineAdapter, harness: Harness): World {
  const world: World = {
    adapter,
    harness,
    ctx: callContext,
    workflow: async (fixture, title = `conformance ${fixture}`, version = 1) => {
      const workflow = workflowVersion(harness, fixture, title, version);
      await registered(adapter, workflow, harness.patienceMs);
      return workflow;
    },
    submission: (workflow, parameters = {}) => {
      const key = newKey();
      const contentDigest = sha256(`${workflow.digest} ${JSON.stringify(parameters)}`);
      return {
        ref: { key, workflow: executionWorkflow(workflow) },
        marker: { installationId: INSTALLATION_ID, key, contentDigest },
        workflow,
        parameters,
        labels: [{ key: 'suite', value: 'conformance' }],
        runId: String(1 + (parseInt(randomBytes(4).toString('hex'), 16) % 1_000_000_000)),
      };
    },
    start: async (fixture, parameters) => {
      const workflow = await world.workflow(fixture);
      const submission = world.submission(workflow, parameters);
      const answer = await adapter.submit(submission, callContext());
      if (answer.outcome !== 'accepted') throw new Error(`${fixture} was not accepted: ${answer.message}`);
      const ref: ExecutionRef = { ...submission.ref, externalId: answer.externalId };
      if (answer.engineUid !== undefined) ref.engineUid = answer.engineUid;
      return { ref, submission, workflow };
    },
    until: async (ref, what, reached) => {
      const deadline = Date.now() + harness.patienceMs;
      for (;;) {
        const facts = await adapter.observe(ref, callContext());
        if (facts.presence === 'present' && reached(facts)) return facts;
        if (Date.now() > deadline) throw new Error(`not reached: ${what}; the last facts: ${brief(facts)}`);
        await sleep(25);
      }
    },
    ended: (ref) => world.until(ref, 'the run has ended', hasEnded),
  };
  return world;
}

export function hasEnded(facts: PresentExecution): boolean {
  const phaseFinal = facts.phase !== undefined && FINAL_PHASES.includes(facts.phase);
  return phaseFinal && (facts.taskRuns ?? []).every((task) => FINAL_TASK_STATES.includes(task.state));
}

export function callContext(timeoutMs = 10_000): CallContext {
  const trace = randomBytes(16).toString('hex');
  return {
    signal: AbortSignal.timeout(timeoutMs),
    timeoutMs,
    traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01`,
  };
}

/** A key as the service draws it: `sb-`, 26 characters, generation 1. */
export function newKey(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return `sb-${Array.from(randomBytes(26), (byte) => alphabet[byte % 32]).join('')}-g1`;
}

export function workflowVersion(
  harness: Harness,
  fixture: FixtureName,
  title: string,
  version: number,
): WorkflowVersion {
  const definition = harness.definition(fixture);
  return {
    // Ids of the service are integers as text; one workflow version has one. An engine keeps what was registered under it.
    id: String(parseInt(sha256(`${fixture} ${title} ${version} ${definition.text}`).slice(0, 8), 16)),
    project: 'default',
    title,
    version,
    definition,
    digest: sha256(`${definition.format} ${definition.text}`),
  };
}

/** A version that refers to what the engine has under this text. */
export function referenceTo(reference: string): WorkflowVersion {
  return {
    id: String(parseInt(sha256(reference).slice(0, 8), 16)),
    project: 'default',
    title: 'conformance reference',
    version: 1,
    definition: { format: 'reference', text: reference },
    digest: sha256(`reference ${reference}`),
  };
}

/** As the service names the workflow of an execution. */
function executionWorkflow({ id, title, version, definition }: WorkflowVersion): ExecutionRef['workflow'] {
  return { id, title, version, ...(definition.format === 'reference' ? { reference: definition.text } : {}) };
}

async function registered(adapter: EngineAdapter, workflow: WorkflowVersion, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const registration = await adapter.register(workflow, callContext());
    if (registration.state === 'READY') return;
    if (registration.state === 'FAILED') {
      throw new Error(`${workflow.title} was refused: ${JSON.stringify(registration.diagnostics)}`);
    }
    if (Date.now() > deadline) throw new Error(`${workflow.title} is still ${registration.state}`);
    await sleep(50);
  }
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function brief(facts: object): string {
  const text = JSON.stringify(facts);
  return text.length > 1_500 ? `${text.slice(0, 1_500)}...` : text;
}
