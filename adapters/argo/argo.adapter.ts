import { NO_VERBS, defineAdapter } from '../spi/engine-adapter.js';
import type {
  CallContext,
  CancelMode,
  CoreVerbs,
  EngineAdapter,
  ExecutionPage,
  ListedExecution,
  OptionalVerbs,
} from '../spi/engine-adapter.js';
import { isBorn, nameOnEngine } from '../spi/born.js';
import { EngineError } from '../spi/engine-error.js';
import type { EngineErrorCode } from '../spi/engine-error.js';
import { FINAL_PHASES } from '../spi/facts.js';
import type { ExecutionRef, Observation, PresentExecution } from '../spi/facts.js';
import { CONNECTIONS } from '../spi/http/engine-http.js';
import { garbage, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { RefusedByEngine } from '../spi/http/transport-error.js';
import type { ArgoAccess, ReadWorkflow } from './argo-access.js';
import { listBornWorkflows, readBorn } from './born-workflows.js';
import { discoverTemplates } from './discover.js';
import { followChanges } from './follow-changes.js';
import { readLog } from './log-reader.js';
import { ALL_OF_SIGNALBOX, readMarker, sameMarker, selectInstallation, selectKeys } from './marker.js';
import { objectIn, textIn, timeIn } from './read-fields.js';
import { restartVerbs } from './restart.js';
import { ArgoSentinel } from './sentinel.js';
import { readTemplateGraph, unseenTemplateOf } from './template-graph.js';
import { templateVerbs } from './template-verbs.js';
import { toFacts, toListed, toObservation } from './to-observation.js';
import type { PageOf } from './to-observation.js';
import { toWorkflow } from './to-workflow.js';

export interface ArgoAdapterOptions {
  access: ArgoAccess;
  installationId: string;
  /** Seconds for which Argo keeps a workflow that has ended, and refuses its name. */
  keepSeconds: number;
  /** Of the pods of compiled definitions; absent = what Argo has for all. */
  serviceAccount?: string;
  pageOf: PageOf;
}

/** Runs one list call reads: a selector of that many keys is about 4 KiB of URL. */
const PAGE_THROUGH_SERVER = 100;
/** The Kubernetes API lists workflows whole, nodes included. */
const PAGE_THROUGH_KUBERNETES = 20;
/** Rows of one call of `list`, and how many it reads at most: they are sorted in memory. */
const LIST_PAGE = 500;
const LIST_LIMIT = 50_000;
/** Argo made nothing because of this call; an earlier one may have made it. */
const REFUSALS: readonly EngineErrorCode[] = ['conflict', 'rejected', 'not-found'];
/** Argo labels what it archives; without an archive there is no such label. */
const ARCHIVING_LABEL = 'workflows.argoproj.io/workflow-archiving-status';
/** Somebody else may write to a workflow between our look and our change. */
const CHANGE_ATTEMPTS = 4;

export function createArgoAdapter(options: ArgoAdapterOptions): EngineAdapter {
  const { access, installationId, pageOf } = options;
  const pageSize = access.server ? PAGE_THROUGH_SERVER : PAGE_THROUGH_KUBERNETES;
  const closing = new AbortController();
  const sentinel = new ArgoSentinel(access, installationId);

  /** The workflow of the ref if it is this installation's, or began here; nothing when Argo positively has none. */
  async function read(ref: ExecutionRef, ctx: CallContext): Promise<JsonObject | undefined> {
    const { key } = ref;
    if (isBorn(ref)) return readBorn(access, ref, ctx);
    const workflow = await access.workflow(key, ctx);
    if (workflow && readMarker(workflow, key).installationId !== installationId) {
      throw new EngineError('conflict', `${key} on the engine is of another installation`);
    }
    return workflow;
  }

  /** Changes a workflow that is still active; looks again when somebody else changed it in between. */
  async function change(
    ref: ExecutionRef,
    ctx: CallContext,
    work: (workflow: ReadWorkflow, facts: PresentExecution) => Promise<void>,
  ): Promise<'done' | 'ended' | 'absent'> {
    const name = nameOnEngine(ref);
    for (let attempt = 1; ; attempt += 1) {
      const workflow = await read(ref, ctx);
      if (!workflow) return 'absent';
      const facts = toFacts(workflow, name, pageOf);
      if (hasEnded(facts)) return 'ended';
      try {
        const resourceVersion = textIn(objectIn(workflow, 'metadata'), 'resourceVersion') ?? '';
        const suspended = objectIn(workflow, 'spec')['suspend'] === true;
        await work({ name, resourceVersion, suspended }, facts);
        return 'done';
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        if (error.code === 'conflict' && attempt < CHANGE_ATTEMPTS) continue;
        // argo-server refuses a change of a workflow that has ended meanwhile with a 500, as if it had failed itself.
        if (!(error instanceof RefusedByEngine && error.status === 500)) throw error;
        const now = await read(ref, ctx);
        if (now && hasEnded(toFacts(now, name, pageOf))) return 'ended';
        throw error;
      }
    }
  }

  async function hold(ref: ExecutionRef, suspended: boolean, ctx: CallContext): Promise<void> {
    const outcome = await change(ref, ctx, async (workflow, facts) => {
      // argo-server's resume would also let go every suspend task of a run that is not held.
      if (suspended !== (facts.phase === 'paused')) await access.setSuspended(workflow, suspended, ctx);
    });
    if (outcome === 'ended') throw new EngineError('rejected', `${ref.key} has ended`);
    if (outcome === 'absent') throw new EngineError('not-found', `Argo has no workflow ${ref.key}`);
  }

  async function observePage(page: ExecutionRef[], ctx: CallContext): Promise<Observation[]> {
    // What began here bears no label of ours to select it by: it is read on its own.
    const keys = page.filter((ref) => !isBorn(ref)).map(({ key }) => key);
    const { items } =
      keys.length === 0
        ? { items: [] }
        : await access.workflows({ selector: selectKeys(keys), limit: 2 * pageSize }, ctx);
    return page.map((ref) => {
      const row = rowOf(items, ref);
      if (!row) return unread(ref.key, 'the list does not hold it');
      try {
        if (readMarker(row, ref.key).installationId !== installationId)
          return unread(ref.key, 'of another installation');
        return toFacts(row, ref.key, pageOf);
      } catch (error) {
        // One run that cannot be read must not hide the others.
        return unread(ref.key, (error as Error).message);
      }
    });
  }

  async function listRows(selector: string, since: Date, ctx: CallContext): Promise<JsonObject[]> {
    const rows: JsonObject[] = [];
    for (let next: string | undefined = undefined; ;) {
      const createdAfter = new Date(since.getTime() - 2_000);
      const query = { selector, limit: LIST_PAGE, createdAfter, metadataOnly: true };
      const page = await access.workflows(next === undefined ? query : { ...query, continue: next }, ctx);
      rows.push(...page.items);
      next = page.continue;
      if (next === undefined) return rows;
      if (page.items.length === 0 || rows.length > LIST_LIMIT) throw garbage('a list without an end');
    }
  }

  const verbs: CoreVerbs & Omit<OptionalVerbs, 'cancelTask' | 'retry' | 'retryTask'> = {
    ping: async (ctx) => ({ version: await access.version(ctx) }),
    ...templateVerbs(access, installationId, options.serviceAccount),

    submit: async (submission, ctx) => {
      const { key } = submission.ref;
      const workflow = toWorkflow(submission, installationId, options.keepSeconds, ctx.traceparent);
      try {
        const created = await access.createWorkflow(workflow, ctx);
        if (!sameMarker(readMarker(created, key), submission.marker)) throw garbage(`another workflow than ${key}`);
        return { outcome: 'accepted', ...identity(created, key, pageOf) };
      } catch (error) {
        if (!(error instanceof EngineError) || !REFUSALS.includes(error.code)) throw error;
        // Argo looks at the template before it looks at the name: a repeat may be refused although the first one was taken.
        const found = await verbs.find(submission.ref, submission.marker, ctx).catch(asUnknown);
        if (found.outcome === 'found') return { ...found, outcome: 'accepted' };
        if (found.outcome === 'conflict') return found;
        if (error.code !== 'not-found') throw error;
        // The template is not there (any more): no repeat of this submit will find it.
        throw new EngineError('rejected', error.message, { cause: error });
      }
    },
    find: async ({ key }, marker, ctx) => {
      const workflow = await access.workflow(key, ctx);
      if (!workflow) return { outcome: 'absent' };
      const found = readMarker(workflow, key);
      if (sameMarker(found, marker)) return { outcome: 'found', ...identity(workflow, key, pageOf) };
      const whose = found.installationId === '' ? 'is none of Signalbox' : `is of installation ${found.installationId}`;
      return { outcome: 'conflict', message: `the workflow ${key} ${whose}, or has other content` };
    },
    observe: async (ref, ctx) => {
      const { key } = ref;
      const workflow = await read(ref, ctx);
      if (!workflow) return { presence: 'absent', key };
      const unseen = unseenTemplateOf(workflow);
      const graph = unseen && (await readTemplateGraph(access, unseen, ctx));
      return { ...toObservation(workflow, nameOnEngine(ref), pageOf, graph), key };
    },
    observeMany: async (refs, ctx) => {
      const pages = pagesOf(refs, pageSize);
      const answers = await Promise.allSettled(pages.map((page) => observePage(page, ctx)));
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (failed && answers.every((answer) => answer.status === 'rejected')) throw failed.reason;
      return answers.flatMap((answer, index) =>
        answer.status === 'fulfilled'
          ? answer.value
          : (pages[index] ?? []).map(({ key }) => unread(key, String(answer.reason))),
      );
    },
    sentinel: (ctx) => sentinel.read(ctx),
    cancel: async (ref, mode: CancelMode, ctx) => {
      const strategy = mode === 'force' ? 'Terminate' : 'Stop';
      const outcome = await change(ref, ctx, (workflow) => access.shutdown(workflow, strategy, ctx));
      return { outcome: outcome === 'done' ? 'requested' : outcome === 'ended' ? 'already-final' : 'absent' };
    },
    logs: (request, ctx) => readLog(access, request, ctx),
    close: async () => {
      closing.abort();
      access.close();
    },
    pause: (ref, ctx) => hold(ref, true, ctx),
    resume: (ref, ctx) => hold(ref, false, ctx),
    list: async ({ since }, ctx): Promise<ExecutionPage> => {
      const byKey = new Map<string, ListedExecution>();
      for (const row of await listRows(ALL_OF_SIGNALBOX, since, ctx)) {
        const listed = toListed(row);
        if (listed && listed.createdAt >= since) byKey.set(listed.key, listed);
      }
      return { executions: [...byKey.values()].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime()) };
    },
    hints: (listener) => followChanges(access, selectInstallation(installationId), listener, closing.signal),
    discover: (request, ctx) => discoverTemplates(access, request, ctx),
    listBorn: (request, ctx) => listBornWorkflows(access, pageOf, request, ctx),
    forget: async (refs, ctx) => {
      for (const ref of refs) {
        const { key } = ref;
        // What began here is the engine's own: nobody asked us to keep it, or not to.
        if (isBorn(ref)) continue;
        const workflow = await read(ref, ctx);
        if (!workflow) continue;
        const facts = toFacts(workflow, key, pageOf);
        if (!hasEnded(facts)) continue;
        const archived = textIn(objectIn(objectIn(workflow, 'metadata'), 'labels'), ARCHIVING_LABEL) !== undefined;
        await access.removeWorkflow({ name: key, uid: facts.engineUid ?? '', archived }, ctx);
      }
    },
  };

  const shared = {
    registers: 'later',
    formats: ['native', 'reference', 'signalbox/v1'],
    pageSize,
    callsAtOnce: CONNECTIONS,
  } as const;
  const dedupeHorizonMs = options.keepSeconds * 1_000;
  const { server } = access;
  if (!server) {
    return defineAdapter('argo', { ...shared, dedupeHorizonMs, verbs: OF_KUBERNETES, retryKind: 'none' }, verbs);
  }
  const restart = restartVerbs({ read, server, pageOf });
  return defineAdapter(
    'argo',
    { ...shared, dedupeHorizonMs, verbs: OF_SERVER, retryKind: 'in-place' },
    { ...verbs, ...restart },
  );
}

/** Argo has no word for the end of one task of a run that goes on. */
const OF_KUBERNETES = {
  ...NO_VERBS,
  pause: 'native',
  resume: 'native',
  list: 'emulated',
  hints: 'native',
  forget: 'native',
  discover: 'native',
  // Argo has no filter by template or by end.
  listBorn: 'emulated',
} as const;
/** What a retry resets is decided by argo-server: the Kubernetes API has no such verb. */
const OF_SERVER = { ...OF_KUBERNETES, retry: 'native', retryTask: 'native' } as const;

function hasEnded({ phase }: PresentExecution): boolean {
  return phase !== undefined && FINAL_PHASES.includes(phase);
}

function identity(
  workflow: JsonObject,
  key: string,
  pageOf: PageOf,
): { externalId: string; engineUid: string; engineUrl?: string } {
  const uid = readText(objectIn(workflow, 'metadata')['uid'], 'uid');
  const engineUrl = pageOf({ name: key, uid });
  return { externalId: key, engineUid: uid, ...(engineUrl === undefined ? {} : { engineUrl }) };
}

/** A name that was used again has two rows, the live one and the archived: the one we know, else the newest. */
function rowOf(rows: readonly JsonObject[], ref: ExecutionRef): JsonObject | undefined {
  const named = rows.filter((row) => objectIn(row, 'metadata')['name'] === ref.key);
  const known = named.find((row) => objectIn(row, 'metadata')['uid'] === ref.engineUid);
  if (known) return known;
  const madeAt = (row: JsonObject): number => timeIn(objectIn(row, 'metadata'), 'creationTimestamp')?.getTime() ?? 0;
  return named.sort((a, b) => madeAt(b) - madeAt(a))[0];
}

/** After a refusal the look-up decides; without it nobody knows whose the name is. */
function asUnknown(error: unknown): never {
  throw new EngineError('unknown', 'the submit was refused and whose the name is could not be read', { cause: error });
}

function pagesOf(refs: ExecutionRef[], size: number): ExecutionRef[][] {
  return Array.from({ length: Math.ceil(refs.length / size) }, (_, page) => refs.slice(page * size, (page + 1) * size));
}

function unread(key: string, reason: string): Observation {
  return { presence: 'unread', key, reason };
}
