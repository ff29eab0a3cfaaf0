import { Injectable } from '@nestjs/common';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { DiscoveredPage, DiscoverRequest, EngineWorkflow } from '../../adapters/spi/discovery.js';
import type { TaskGraph } from '../../adapters/spi/facts.js';
import type { CallClass } from '../engines/call-budget.js';
import { engineProblem } from '../engines/engine-problem.js';
import { Engines, type Engine } from '../engines/engines.js';
import type { LabelTerm } from '../labels/label-selector.js';
import { matchesSelector } from '../labels/matches-selector.js';
import type { Answer } from '../platform/answer.js';
import { Database, type Db } from '../platform/database.js';
import type { WriteRequest } from '../platform/http/write-request.js';
import { askThenWrite } from '../platform/ask-then-write.js';
import { Problem } from '../platform/problem.js';
import { checkDefinition, isValid } from './check-definition.js';
import { lockImports, readKnown } from './imported-store.js';
import { storeWorkflow } from './store-workflow.js';
import { toParameterForms } from './to-parameter-forms.js';
import { namesOf, toOffer, type EngineOffer, type ImportedWorkflow, type Known, type Obstacle } from './to-offer.js';
import { parameterSchemas } from './ui-form-schema.js';

/** Looks at the engine at the same time, per request. */
const AT_ONCE = 4;

export interface OfferPage {
  offers: EngineOffer[];
  nextCursor?: string | undefined;
  gaps: string[];
}

export interface ImportOutcome {
  reference: string;
  outcome: 'IMPORTED' | 'UNCHANGED' | 'REFUSED';
  title?: string;
  workflow?: ImportedWorkflow;
  obstacle?: Obstacle;
  notes: string[];
}

export interface ImportAnswer {
  items: ImportOutcome[];
  dry_run: boolean;
}

/** A workflow of the engine as it was found there, with what only the engine can tell of it. */
interface Found {
  asked: string;
  workflow: EngineWorkflow | undefined;
  graph: TaskGraph | undefined;
  refusal: string | undefined;
}

/** What an engine has becomes workflows that refer to it; nothing changes on the engine. */
@Injectable()
export class ImportWorkflows {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
  ) {}

  /** One page of the engine's, those that match. Throws `engine-not-found`, `engine-cannot`, `engine-unavailable`. */
  async discover(
    place: { project: string; engine: string },
    request: { cursor?: string | undefined; terms: LabelTerm[]; traceparent?: string | undefined },
  ): Promise<OfferPage> {
    const engine = this.discoverable(place.engine);
    const page = await look(engine, 'read', request.cursor === undefined ? {} : { cursor: request.cursor }, request);
    const known = await this.known(this.database, place, page.workflows);
    const offers = page.workflows.map((workflow) => toOffer(workflow, known));
    return {
      offers: offers.filter(({ labels }) => matchesSelector(request.terms, labels)),
      nextCursor: page.nextCursor,
      gaps: page.gaps ?? [],
    };
  }

  /**
   * Registers what the references name, each or not: one that is refused stops no other. What is registered already stays
   * as it is. Throws as `discover`; then nothing is registered.
   */
  async import(write: WriteRequest, engineName: string, references: string[]): Promise<Answer> {
    const engine = this.discoverable(engineName);
    const place = { project: write.project, engine: engine.name };
    const find = (): Promise<Found[]> => this.find(engine, references, write.traceparent);
    return askThenWrite(this.database, write, find, async (db, found) => {
      await lockImports(db, place);
      const items: ImportOutcome[] = [];
      for (const one of found) items.push(await this.register(db, place, one));
      return { status: 200, body: { items, dry_run: false } satisfies ImportAnswer };
    });
  }

  /** What `import` would do now; stores nothing. */
  async dryRun(write: WriteRequest, engineName: string, references: string[]): Promise<ImportAnswer> {
    const engine = this.discoverable(engineName);
    const place = { project: write.project, engine: engine.name };
    const items: ImportOutcome[] = [];
    for (const one of await this.find(engine, references, write.traceparent)) {
      items.push(outcomeOf(one, await this.offer(this.database, place, one)));
    }
    return { items, dry_run: true };
  }

  private discoverable(name: string): Engine {
    const engine = this.engines.require(name);
    if (engine.capabilities.verbs.discover !== 'none') return engine;
    throw new Problem('engine-cannot', { detail: `The engine ${name} has no workflows of its own to import.` });
  }

  /** Each reference as the engine has it, in their order. */
  private async find(engine: Engine, references: string[], traceparent: string | undefined): Promise<Found[]> {
    const found: Found[] = [];
    const indices = references.keys();
    const worker = async (): Promise<void> => {
      for (const index of indices) found[index] = await findOne(engine, references[index] ?? '', traceparent);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return found;
  }

  private async register(db: Db, place: { project: string; engine: string }, found: Found): Promise<ImportOutcome> {
    const offer = await this.offer(db, place, found);
    const outcome = outcomeOf(found, offer);
    const { workflow } = found;
    if (outcome.outcome !== 'IMPORTED' || workflow === undefined || offer === undefined) return outcome;
    const { parameters } = toParameterForms(workflow.parameters ?? []);
    const stored = await storeWorkflow(db, {
      project: place.project,
      title: workflow.name,
      engine: place.engine,
      format: 'reference',
      definition: workflow.reference,
      workflowParameters: parameters,
      parameterSchemas: parameterSchemas(parameters),
      labels: offer.labels,
      diagnostics: [],
      graph: found.graph,
    });
    return { ...outcome, workflow: { id: stored.id, title: workflow.name, version: stored.version } };
  }

  private async offer(
    db: Db,
    place: { project: string; engine: string },
    { workflow }: Found,
  ): Promise<EngineOffer | undefined> {
    return workflow && toOffer(workflow, await this.known(db, place, [workflow]));
  }

  private known(db: Db, place: { project: string; engine: string }, workflows: EngineWorkflow[]): Promise<Known> {
    const wanted = { references: workflows.flatMap(namesOf), titles: workflows.map(({ name }) => name) };
    return readKnown(db, place, wanted);
  }
}

/** Pure. */
function outcomeOf({ asked, workflow, refusal }: Found, offer: EngineOffer | undefined): ImportOutcome {
  if (workflow === undefined || offer === undefined) {
    const message = `The engine has no ${JSON.stringify(asked)} that could be referred to.`;
    return { reference: asked, outcome: 'REFUSED', obstacle: { code: 'not-found', message }, notes: [] };
  }
  const { reference, notes } = offer;
  if (offer.workflow !== undefined) {
    const { title } = offer.workflow;
    return { reference, outcome: 'UNCHANGED', title, workflow: offer.workflow, notes: [] };
  }
  const obstacle =
    offer.obstacle ?? (refusal === undefined ? undefined : { code: 'not-runnable' as const, message: refusal });
  if (obstacle !== undefined) return { reference, outcome: 'REFUSED', obstacle, notes: [] };
  const forms = toParameterForms(workflow.parameters ?? []);
  return { reference, outcome: 'IMPORTED', title: workflow.name, notes: [...notes, ...forms.notes] };
}

async function findOne(engine: Engine, asked: string, traceparent: string | undefined): Promise<Found> {
  // It waits for its share, and lets submits pass: a hundred references are a hundred calls.
  const { workflows } = await look(engine, 'reconcile', { reference: asked }, { traceparent });
  const [workflow] = workflows;
  const found: Found = { asked, workflow, graph: undefined, refusal: undefined };
  if (workflow === undefined || engine.capabilities.registers === 'later') return found;
  // There the graph is part of the registration.
  const checked = await checkDefinition(engine, 'reference', workflow.reference, traceparent);
  if (isValid(checked)) return { ...found, graph: checked.graph };
  return { ...found, refusal: checked.diagnostics[0]?.message ?? 'The engine refuses it.' };
}

async function look(
  engine: Engine,
  callClass: CallClass,
  request: DiscoverRequest,
  { traceparent }: { traceparent?: string | undefined },
): Promise<DiscoveredPage> {
  try {
    return await engine.gateway.call('discover', { class: callClass, traceparent }, async (adapter, ctx) => {
      if (!adapter.discover) throw new EngineError('unsupported', `${adapter.kind} cannot tell what it has`);
      return adapter.discover(request, ctx);
    });
  } catch (error) {
    throw engineProblem(error, engine.name);
  }
}
