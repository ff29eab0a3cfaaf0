/** What tests may tell the scripted engine, in its process or through the control API: every method is one command. */
import { randomUUID } from 'node:crypto';
import type { Json } from '../../../definition/definition-types.js';
import type { EngineMemory, Offer } from './engine-memory.js';
import { finishAttempt, allRuns, stopTask } from './execution.js';
import type { Conduct, Execution, ScriptedMarker } from './execution.js';
import type { Journal, JournalEntry } from './journal.js';
import type { EngineVerb, Rule, Rules } from './rules.js';
import { readScriptedWorkflow } from './scripted-workflow.js';

/** Opens and closes the engine's door; its memory is not touched. */
export interface Door {
  close(): Promise<void>;
  open(): Promise<void>;
}

export class EngineControls {
  constructor(
    private readonly memory: EngineMemory,
    private readonly rules: Rules,
    private readonly log: Journal,
    private readonly door: Door,
  ) {}

  /** From now on something goes wrong; answers the rule's id. */
  addRule(rule: Rule): number {
    return this.rules.add(rule);
  }

  /** Ends one rule, or all of them; requests held by it are acted upon now. */
  removeRules(id?: number): void {
    this.rules.remove(id);
  }

  /** Stay queued, ignore graceful stops, delay stops; and whether duplicate keys are refused. */
  conduct(changes: Partial<Conduct> & { dedupe?: boolean }): void {
    const { dedupe, ...conduct } = changes;
    if (dedupe !== undefined) this.memory.dedupe = dedupe;
    Object.assign(this.memory.conduct, conduct);
    for (const execution of this.memory.all()) this.memory.touch(execution);
  }

  /** The execution reports this word, of the engine or not, until told otherwise; without a word the true one again. */
  show(key: string, word?: string): void {
    const execution = this.#execution(key);
    this.memory.change(execution, () => {
      if (word === undefined) delete execution.shown;
      else execution.shown = word;
    });
  }

  /** Ends the running attempts of a task, of every task without one. */
  finish(key: string, options: { task?: string; well?: boolean } = {}): void {
    const execution = this.#execution(key);
    this.memory.change(execution, (now) => {
      for (const run of allRuns(execution)) {
        const chosen = options.task === undefined || run.task.id === options.task;
        if (chosen && run.state === 'running') finishAttempt(execution, run, options.well ?? true, now);
      }
    });
  }

  /** Stops one task from outside, as somebody does by hand in an engine's own page. */
  stopTask(key: string, task: string): void {
    const execution = this.#execution(key);
    this.memory.change(execution, (now) => stopTask(execution, execution.tasks.get(task) ?? [], now));
  }

  /** Makes an execution nobody submitted: an orphan, or one whose marker differs from ours. Not counted as created. */
  plant(key: string, marker?: Partial<ScriptedMarker>): string {
    const { uid } = this.memory.create(
      {
        key,
        marker: { installation_id: 'another-installation', key, content_digest: 'another-content', ...marker },
        definition: 'planted',
        parameters: {},
        labels: [],
        run_id: '0',
        title: 'planted',
      },
      readScriptedWorkflow('{}'),
      undefined,
    );
    this.log.add({ verb: 'submit', key, did: 'planted', uid });
    return uid;
  }

  /** Puts a definition there as people do, under a name of theirs; once more under that name, it is changed. */
  offer(name: string, text: string, offer: Offer = {}): void {
    const stored = this.memory.define(name, text, Date.now());
    stored.offer = offer;
  }

  /** Starts an execution by hand, as people do in the engine's own pages; answers its name. */
  begin(definition: string, parameters: Record<string, Json> = {}): string {
    const workflow = this.memory.definitions.get(definition)?.workflow;
    if (!workflow) throw new Error(`no definition ${definition}`);
    const key = `manual-${randomUUID()}`;
    const { uid } = this.memory.create(
      { key, definition, parameters, labels: [], run_id: '0', title: definition },
      workflow,
      undefined,
    );
    this.log.add({ verb: 'submit', key, did: 'begun by hand', uid });
    return key;
  }

  /** Takes it away again. */
  withdraw(name: string): boolean {
    return this.memory.definitions.delete(name);
  }

  /** Removes one execution, as the engine's retention does. */
  forget(key: string): boolean {
    return this.memory.forget(key);
  }

  /** Brings back what was forgotten, as a repair of the engine does. */
  remember(key: string): boolean {
    return this.memory.remember(key);
  }

  /** The engine comes back empty, under another identity. */
  wipe(): void {
    this.memory.wipe();
  }

  /** Closes the door, and every connection through it. */
  async down(): Promise<void> {
    await this.door.close();
  }

  async up(): Promise<void> {
    await this.door.open();
  }

  journal(filter?: { verb?: EngineVerb; key?: string }): JournalEntry[] {
    return this.log.entries(filter);
  }

  /** Requests that arrived, by verb. */
  calls(): Partial<Record<EngineVerb, number>> {
    return this.log.calls();
  }

  /** Executions ever created, by key. */
  created(): Record<string, number> {
    return this.log.executions();
  }

  /** Keys of the executions it has now. */
  keys(): string[] {
    return this.memory.all().map((execution) => execution.body.key);
  }

  /** What the engine was handed with the submit. */
  submitted(key: string): Pick<Execution, 'uid' | 'body' | 'traceparent'> {
    const { uid, body, traceparent } = this.#execution(key);
    return traceparent === undefined ? { uid, body } : { uid, body, traceparent };
  }

  #execution(key: string): Execution {
    const execution = this.memory.byKey(key);
    if (!execution) throw new Error(`no execution ${key}`);
    return execution;
  }
}

/** The control API's commands: anything else is refused. */
export const COMMANDS = [
  'addRule',
  'removeRules',
  'conduct',
  'show',
  'finish',
  'stopTask',
  'plant',
  'offer',
  'withdraw',
  'begin',
  'forget',
  'remember',
  'wipe',
  'down',
  'up',
  'journal',
  'calls',
  'created',
  'keys',
  'submitted',
] as const satisfies readonly (keyof EngineControls)[];
export type Command = (typeof COMMANDS)[number];
