/**
 * One workflow on two engines, side by side: what a client sees of it must be the same. The local engine is the reference;
 * the suite of another engine brings its adapter and says how long a run may take there.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { localEngineHarness } from '../../adapters/local/local-conformance.test-support.js';
import { INSTALLATION_ID, callContext, hasEnded, newKey, sha256 } from '../../adapters/conformance/world.js';
import type { EngineAdapter, Submission, WorkflowVersion } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { ExecutionRef, Observation, PresentExecution, TaskGraph } from '../../adapters/spi/facts.js';
import type { Json } from '../../definition/definition-types.js';
import { effectiveParameters } from '../../definition/param-values.js';
import { parseDefinition } from '../../definition/parse-definition.js';

export interface ParityCase {
  name: string;
  text: string;
  parameters: Record<string, Json>;
}

/** What must be the same. Task runs by name, `square[1]` for an item and `square` for the whole of a fan-out. */
export interface Outcome {
  phase: string | undefined;
  failureCode: string | undefined;
  outputs: Json;
  tasks: Record<string, TaskOutcome>;
  graph: Record<string, string[]>;
}

export interface TaskOutcome {
  state: string;
  reason: string | undefined;
  outputs: Json;
  failureCode: string | undefined;
  /** Of attempts that ended well, failed or skipped themselves; a task that never began has none. */
  exitCode: number | undefined;
}

/** What nobody may take for a template, a command or the end of a text. */
export const HOSTILE =
  'it\'s "quoted" \\ {{ dag.dag_id }} {% raw %} ${{ params.count }} $(id) `id` \'\'\' """ \u{1f600}\u2028\ttab\r\nSIGNALBOX_DAG_ID {{=x}} \\u0041 %s ';

const definition = (name: string, body: object): string =>
  JSON.stringify({ apiVersion: 'signalbox/v1', kind: 'Workflow', name, ...body });

/** The example that every engine runs. */
export const PARITY = readFileSync(new URL('../../examples/parity/workflow.yaml', import.meta.url), 'utf8');

/** Each must end the same way everywhere. All of it is POSIX shell. */
/** Leaves the bytes of its input as output `hex`. */
const TO_HEX = `{ printf '"%s"' "$(od -An -v -tx1 | tr -d ' \\n')" > "$SIGNALBOX_DIR/outputs/hex"; }`;

export const PARITY_CASES: ParityCase[] = [
  { name: 'the example, as it stands', text: PARITY, parameters: {} },
  {
    name: 'the example, with an alarm and a hostile greeting',
    text: PARITY,
    parameters: { count: 2, limit: 5, greeting: HOSTILE },
  },
  { name: 'the example, with nothing to square', text: PARITY, parameters: { count: 0 } },
  {
    name: 'failures, and who handles them',
    text: definition('failures', {
      tasks: {
        broken: { run: 'exit 4', retry: { max: 3, exitCodes: [5] } },
        allowed: { run: 'exit 1', allowFailure: true },
        'follows-broken': { needs: ['broken'], run: 'true' },
        'follows-skipped': { needs: ['follows-broken'], run: 'true' },
        'skips-itself': { run: 'exit 10', skipExitCode: 10 },
        'follows-both': { needs: ['skips-itself', 'broken'], run: 'true' },
        any: { needs: ['broken', 'allowed', 'skips-itself'], trigger: 'any-succeeded', run: 'true' },
        handler: { needs: ['broken'], trigger: 'any-failed', run: 'true' },
        'no-failure': { needs: ['skips-itself'], trigger: 'any-failed', run: 'true' },
        cleanup: {
          needs: ['broken', 'follows-broken'],
          trigger: 'all-done',
          when: 'tasks.broken.state == "FAILED" && tasks["follows-broken"].state == "SKIPPED"',
          run: 'printf \'"%s"\' "$STATES" > "$SIGNALBOX_DIR/outputs/seen"',
          env: { STATES: '${{ tasks.broken.state }} ${{ tasks.follows-broken.state }}' },
          outputs: { seen: { type: 'string' } },
        },
        'bad-condition': { needs: ['cleanup'], when: 'tasks.cleanup.outputs.seen > 3', run: 'true' },
        'no-output': { run: 'true', outputs: { missing: { type: 'string' } }, allowFailure: true },
        'wrong-type': {
          run: 'echo 1.5 > "$SIGNALBOX_DIR/outputs/n"',
          outputs: { n: { type: 'integer' } },
          allowFailure: true,
        },
        'too-slow': { run: 'exec sleep 60', timeout: '1s', allowFailure: true },
        'no-such-command': { command: ['no-such-command-anywhere'], allowFailure: true },
      },
    }),
    parameters: {},
  },
  {
    name: 'fan-outs that fail, skip and are not begun',
    text: definition('fan-outs', {
      params: { words: { type: 'array' } },
      tasks: {
        some: {
          foreach: { items: '${{ params.words }}' },
          run: 'case "$SIGNALBOX_ITEM" in bad) exit 7;; none) exit 10;; esac; printf \'"%s"\' "$SIGNALBOX_ITEM" > "$SIGNALBOX_DIR/outputs/word"',
          skipExitCode: 10,
          outputs: { word: { type: 'string' } },
          allowFailure: true,
        },
        none: { foreach: { items: ['a', 'b'] }, run: 'exit 10', skipExitCode: 10 },
        partly: {
          foreach: { items: ['a', 'none'] },
          run: 'test "$SIGNALBOX_ITEM" = a || exit 10; echo 1 > "$SIGNALBOX_DIR/outputs/n"',
          skipExitCode: 10,
          outputs: { n: { type: 'integer' } },
        },
        'follows-partly': {
          needs: ['partly'],
          run: 'printf %s "$N" > "$SIGNALBOX_DIR/outputs/n"',
          env: { N: '${{ tasks.partly.outputs.n }}' },
          outputs: { n: { type: 'array' } },
        },
        'never-begun': { needs: ['some'], foreach: { items: [1, 2] }, run: 'true' },
        'guarded-off': { when: 'size(params.words) > 50', foreach: { items: [1] }, run: 'true' },
        'after-guarded': { needs: ['guarded-off'], run: 'true' },
        'sees-failed': {
          needs: ['some'],
          trigger: 'any-failed',
          run: 'printf %s "$WORDS" > "$SIGNALBOX_DIR/outputs/words"',
          env: { WORDS: '${{ tasks.some.outputs.word }}' },
          outputs: { words: { type: 'array' } },
        },
      },
      outputs: { partly: '${{ tasks.partly.outputs.n }}' },
    }),
    parameters: { words: ['good', 'bad', 'none', 'fine'] },
  },
  {
    name: 'a run that takes too long',
    text: definition('too-long', {
      timeout: '15s',
      tasks: { slow: { run: 'exec sleep 300' }, after: { needs: ['slow'], run: 'true' } },
    }),
    parameters: {},
  },
  {
    name: 'values of every type, byte by byte',
    text: definition('values', {
      params: { given: { type: 'object' }, text: { type: 'string' } },
      tasks: {
        echo: {
          run: `printf %s "$GIVEN" > "$SIGNALBOX_DIR/outputs/given"; printf %s "$GIVEN$TEXT" | ${TO_HEX}`,
          env: { GIVEN: '${{ params.given }}', TEXT: '${{ params.text }}', LIKE: '{{ ds }} $(id)' },
          outputs: { given: { type: 'object' }, hex: { type: 'string' } },
        },
        again: {
          command: ['sh', '-c', `printf %s "$1$2$LIKE" | ${TO_HEX}`, 'sh'],
          args: ['${{ tasks.echo.outputs.given }}', 'in text: ${{ params.text }} ${{ tasks.echo.outputs.given }}'],
          env: { LIKE: "{{ ds }} $(id) '''" },
          outputs: { hex: { type: 'string' } },
        },
      },
      outputs: { given: '${{ tasks.echo.outputs.given }}', again: '${{ tasks.again.outputs.hex }}' },
    }),
    parameters: {
      text: HOSTILE,
      given: {
        z: 1,
        a: [null, true, 1.5, -0.001, 1e21, 1e-7, 9007199254740992],
        '10': 'ten',
        '2': {},
        é: HOSTILE,
        __type: 'dag',
      },
    },
  },
];

/** Fails until it is retried: one item of a fan-out, and a task of its own. Handlers have done their work by then. */
export const RETRIED: ParityCase = {
  name: 'a run that is retried',
  text: definition('retried', {
    tasks: {
      start: { run: 'echo "$SIGNALBOX_ATTEMPT" > "$SIGNALBOX_DIR/outputs/at"', outputs: { at: { type: 'integer' } } },
      items: {
        needs: ['start'],
        foreach: { items: ['a', 'b', 'c'] },
        run: 'test "$SIGNALBOX_ITEM" != b || test "$SIGNALBOX_ATTEMPT" -ge 2 || exit 1; echo "$SIGNALBOX_ATTEMPT" > "$SIGNALBOX_DIR/outputs/at"',
        outputs: { at: { type: 'integer' } },
      },
      single: { needs: ['start'], run: 'test "$SIGNALBOX_ATTEMPT" -ge 2' },
      handler: { needs: ['items'], trigger: 'any-failed', run: 'true' },
      after: {
        needs: ['single'],
        run: 'printf %s "$AT" > "$SIGNALBOX_DIR/outputs/at"',
        env: { AT: '${{ tasks.items.outputs.at }}' },
        outputs: { at: { type: 'array' } },
      },
    },
    outputs: { first: '${{ tasks.start.outputs.at }}', items: '${{ tasks.after.outputs.at }}' },
  }),
  parameters: {},
};

/** Its outcome before and after a retry, and how many attempts each task run then has. */
export async function retriedOn(
  adapter: EngineAdapter,
  parity: ParityCase,
  patienceMs: number,
): Promise<{ before: Outcome; after: Outcome; attempts: Record<string, number> }> {
  const { workflow, ref, facts } = await runOn(adapter, parity, patienceMs);
  const graph = await adapter.describe(workflow, callContext());
  const answer = await adapter.retry?.(ref, facts.baseline ?? '', callContext());
  if (answer?.outcome !== 'accepted') throw new Error(`not retried: ${JSON.stringify(answer)}`);
  const again = await ended(adapter, ref, Date.now() + patienceMs);
  const attempts = (again.taskRuns ?? []).map(({ task, mapIndex, attempt }): [string, number] => [
    mapIndex === undefined ? task : `${task}[${mapIndex}]`,
    attempt,
  ]);
  return { before: toOutcome(facts, graph), after: toOutcome(again, graph), attempts: Object.fromEntries(attempts) };
}

/** The workflow on an engine, from its registration to the end of its run. */
export async function outcomeOn(
  adapter: EngineAdapter,
  { name, text, parameters }: ParityCase,
  patienceMs: number,
): Promise<Outcome> {
  const { workflow, facts } = await runOn(adapter, { name, text, parameters }, patienceMs);
  return toOutcome(facts, await adapter.describe(workflow, callContext()));
}

export async function runOn(
  adapter: EngineAdapter,
  { name, text, parameters }: ParityCase,
  patienceMs: number,
): Promise<{ workflow: WorkflowVersion; ref: ExecutionRef; facts: PresentExecution }> {
  const parsed = parseDefinition(text);
  if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.diagnostics)}`);
  const effective = effectiveParameters(parsed.definition.params, parameters);
  if (!effective.ok) throw new Error(`${name}: ${JSON.stringify(effective.errors)}`);
  const workflow = parityWorkflow(parsed.definition.name, text);
  const deadline = Date.now() + patienceMs;
  await registered(adapter, workflow, patienceMs);
  const ref = await submitted(adapter, workflow, effective.values);
  return { workflow, ref, facts: await ended(adapter, ref, deadline) };
}

export async function registered(adapter: EngineAdapter, workflow: WorkflowVersion, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const registration = await adapter.register(workflow, callContext());
    if (registration.state === 'READY') return;
    if (registration.state === 'FAILED')
      throw new Error(`${workflow.title}: ${JSON.stringify(registration.diagnostics)}`);
    if (Date.now() > deadline) throw new Error(`${workflow.title} is not registered`);
    await sleep(250);
  }
}

/** A look whose answer was lost is no fact: the service asks again too. */
async function observed(adapter: EngineAdapter, ref: ExecutionRef): Promise<Observation> {
  return adapter.observe(ref, callContext()).catch((error: unknown) => {
    if (!(error instanceof EngineError) || error.code !== 'unknown') throw error;
    return { presence: 'unread', key: ref.key, reason: error.message };
  });
}

/** Observes until the run and all its tasks have ended. */
export async function ended(adapter: EngineAdapter, ref: ExecutionRef, deadline: number): Promise<PresentExecution> {
  for (;;) {
    const facts = await observed(adapter, ref);
    if (facts.presence === 'present' && hasEnded(facts)) return facts;
    if (Date.now() > deadline) throw new Error(`not ended: ${JSON.stringify(facts).slice(0, 2_000)}`);
    await sleep(250);
  }
}

async function submitted(
  adapter: EngineAdapter,
  workflow: WorkflowVersion,
  parameters: Record<string, Json>,
): Promise<ExecutionRef> {
  const key = newKey();
  const { id, title, version, digest } = workflow;
  const submission: Submission = {
    ref: { key, workflow: { id, title, version } },
    marker: { installationId: INSTALLATION_ID, key, contentDigest: sha256(digest + JSON.stringify(parameters)) },
    workflow,
    parameters,
    labels: [],
    runId: '4711',
  };
  const answer = await adapter.submit(submission, callContext());
  if (answer.outcome !== 'accepted') throw new Error(`not accepted: ${answer.message}`);
  const { externalId, engineUid } = answer;
  return { ...submission.ref, externalId, ...(engineUid === undefined ? {} : { engineUid }) };
}

export function parityWorkflow(name: string, text: string): WorkflowVersion {
  const digest = sha256(text);
  return {
    id: String(parseInt(digest.slice(0, 8), 16)),
    project: 'default',
    title: `parity ${name}`,
    version: 1,
    definition: { format: 'signalbox/v1', text },
    digest,
  };
}

export function toOutcome(facts: PresentExecution, graph: TaskGraph): Outcome {
  const tasks = (facts.taskRuns ?? []).map((run): [string, TaskOutcome] => {
    const { task, mapIndex, state, stateReason: reason, outputs = {}, failure, attempts = [] } = run;
    const exitCode = state === 'SKIPPED' ? undefined : attempts.at(-1)?.exitCode;
    const name = mapIndex === undefined ? task : `${task}[${mapIndex}]`;
    return [name, { state, reason, outputs, failureCode: failure?.code, exitCode }];
  });
  return {
    phase: facts.phase,
    failureCode: facts.failure?.code,
    outputs: facts.outputs ?? {},
    tasks: Object.fromEntries(tasks.sort(([a], [b]) => (a < b ? -1 : 1))),
    graph: Object.fromEntries(graph.tasks.map(({ title, downstream }) => [title, [...downstream].sort()])),
  };
}

/** The reference: a local engine of its own. */
export async function localSide(): Promise<{ adapter: EngineAdapter; close(): Promise<void> }> {
  const harness = await localEngineHarness();
  const adapter = await harness.connect();
  return {
    adapter,
    close: async () => {
      await adapter.close();
      await harness.cleanUp();
    },
  };
}
