/** Work on an engine that is recorded: what it takes until there is something to ask, and the asking itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Verb } from '../../../adapters/conformance/harness.js';
import { callContext, newKey, sha256 } from '../../../adapters/conformance/world.js';
import type {
  DefinitionText,
  EngineAdapter,
  Submission,
  WorkflowVersion,
} from '../../../adapters/spi/engine-adapter.js';
import type { ExecutionRef, PresentExecution } from '../../../adapters/spi/facts.js';
import type { Json } from '../../../definition/definition-types.js';
import { cleanRecording } from './clean-recording.js';
import type { Recording } from './recording.js';
import { INSTALLATION } from './recording-stage.js';
import type { RecordingStage } from './recording-stage.js';
import { asJson, outcomeOf } from './verb-call.js';
import type { VerbOutcome } from './verb-call.js';

const CALL_MS = 30_000;
const PATIENCE_MS = 180_000;

export class RecordingSession {
  readonly recordings = new Map<string, Recording>();
  readonly began = new Date();
  /** Another one for each session: an engine may still know the one before. */
  readonly version = Math.floor(this.began.getTime() / 1_000) % 1_000_000;
  readonly #workflows: WorkflowVersion[] = [];
  readonly #refs: ExecutionRef[] = [];

  private constructor(
    private readonly stage: RecordingStage,
    /** Its work is not recorded. */
    readonly adapter: EngineAdapter,
    private readonly engine: string,
    private readonly say: (line: string) => void,
  ) {}

  static async begin(stage: RecordingStage, say: (line: string) => void): Promise<RecordingSession> {
    const adapter = await stage.connect();
    const { version } = await adapter.ping(callContext(CALL_MS));
    return new RecordingSession(stage, adapter, version, say);
  }

  /** Asks with an adapter that knows nothing yet, and writes down all that was said. */
  async record(scenario: string, verb: Verb, ...given: unknown[]): Promise<VerbOutcome> {
    const fresh = await this.stage.connect();
    try {
      this.stage.recorder.taken();
      const call = { verb, given: given.map(asJson) };
      const outcome = await outcomeOf(fresh, call, callContext(CALL_MS));
      const exchanges = this.stage.recorder.taken();
      // What an adapter knows by itself is no answer of an engine.
      if (exchanges.length === 0) return outcome;
      const recording = { engine: this.engine, call, exchanges, outcome };
      this.recordings.set(scenario, cleanRecording(recording, this.stage.places));
      this.say(`${scenario}: ${exchanges.length} exchanges`);
      return outcome;
    } finally {
      await fresh.close();
    }
  }

  workflow(name: string, definition: DefinitionText): WorkflowVersion {
    const { version } = this;
    const title = `recorded ${name}`;
    const digest = sha256(`${definition.format} ${definition.text}`);
    const id = String(parseInt(sha256(`${title} ${version} ${digest}`).slice(0, 8), 16));
    const workflow = { id, project: 'default', title, version, definition, digest };
    this.#workflows.push(workflow);
    return workflow;
  }

  async registered(workflow: WorkflowVersion, wanted = 'READY'): Promise<WorkflowVersion> {
    for (const end = Date.now() + PATIENCE_MS; ; await sleep(500)) {
      const { state } = await this.adapter.register(workflow, callContext(CALL_MS));
      if (state === wanted) return workflow;
      if (state !== 'PENDING' || Date.now() > end) throw new Error(`${workflow.title} is ${state}, not ${wanted}`);
    }
  }

  submission(workflow: WorkflowVersion, parameters: Record<string, Json> = {}): Submission {
    const key = newKey();
    const { id, title, version, definition } = workflow;
    const reference = definition.format === 'reference' ? { reference: definition.text } : {};
    const contentDigest = sha256(`${workflow.digest} ${JSON.stringify(parameters)}`);
    return {
      ref: { key, workflow: { id, title, version, ...reference } },
      marker: { installationId: INSTALLATION, key, contentDigest },
      workflow,
      parameters,
      labels: [{ key: 'suite', value: 'recorded' }],
      runId: '17',
    };
  }

  /** The run that an engine has accepted. */
  started({ ref, workflow }: Submission, answer: Json): ExecutionRef {
    const { outcome, externalId, engineUid } = answer as { outcome: string; externalId: string; engineUid?: string };
    if (outcome !== 'accepted') throw new Error(`${workflow.title} was not accepted`);
    const started = { ...ref, externalId, ...(engineUid === undefined ? {} : { engineUid }) };
    this.#refs.push(started);
    return started;
  }

  async start(name: string, definition: DefinitionText, parameters?: Record<string, Json>): Promise<ExecutionRef> {
    const submission = this.submission(await this.registered(this.workflow(name, definition)), parameters);
    return this.started(submission, asJson(await this.adapter.submit(submission, callContext(CALL_MS))));
  }

  async facts(ref: ExecutionRef): Promise<PresentExecution> {
    const facts = await this.adapter.observe(ref, callContext(CALL_MS));
    if (facts.presence !== 'present') throw new Error(`${ref.workflow.title} is ${facts.presence}`);
    return facts;
  }

  async until(ref: ExecutionRef, reached: (facts: PresentExecution) => boolean): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; ; await sleep(500)) {
      const facts = await this.facts(ref);
      if (reached(facts)) return;
      if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(facts).slice(0, 1_000)}`);
    }
  }

  /** Takes away what it made. */
  async end(): Promise<void> {
    await this.adapter.forget?.(this.#refs, callContext(CALL_MS)).catch(() => undefined);
    for (const workflow of this.#workflows) await this.adapter.retire(workflow, callContext(CALL_MS));
    await this.adapter.close();
  }
}
