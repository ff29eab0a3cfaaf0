/** The suite itself: an adapter that breaks a promise must fail the case that holds it to that promise. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { plan } from '../../adapters/conformance/applicability.js';
import type { PlannedCase } from '../../adapters/conformance/applicability.js';
import { runCase } from '../../adapters/conformance/describe-conformance.js';
import { isImpossible } from '../../adapters/conformance/harness.js';
import type { Harness } from '../../adapters/conformance/harness.js';
import { INSTALLATION_ID, makeWorld } from '../../adapters/conformance/world.js';
import type { EngineAdapter, OptionalVerbs } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { scriptedEngineHarness } from './scripted-engine-harness.js';

type Whole = EngineAdapter & OptionalVerbs;

interface Saboteur {
  /** What is wrong with the adapter. */
  reason: string;
  sabotage: (sound: Whole) => Partial<Whole>;
  /** The case that must notice. */
  caughtBy: string;
}

const SABOTEURS: Saboteur[] = [
  {
    reason: 'submit repeats by itself when the connection breaks',
    sabotage: (sound) => ({ submit: (sent, ctx) => sound.submit(sent, ctx).catch(() => sound.submit(sent, ctx)) }),
    caughtBy: 'submit does not repeat by itself',
  },
  {
    reason: 'submit takes a lost answer for a refusal',
    sabotage: (sound) => ({
      submit: (sent, ctx) =>
        sound.submit(sent, ctx).catch(() => {
          throw new EngineError('unavailable', 'surely nothing happened');
        }),
    }),
    caughtBy: 'submit says nobody knows when the answer is lost; look-up and repeat then give the one execution',
  },
  {
    reason: 'submit takes every conflict for its own earlier success',
    sabotage: (sound) => ({
      submit: async (sent, ctx) => {
        const answer = await sound.submit(sent, ctx);
        return answer.outcome === 'conflict' ? { outcome: 'accepted', externalId: sent.ref.key } : answer;
      },
    }),
    caughtBy: 'submit calls the same key with other content a conflict',
  },
  {
    reason: 'submit changes a parameter on its way',
    sabotage: (sound) => ({
      submit: (sent, ctx) => {
        const parameters = JSON.parse(
          JSON.stringify(sent.parameters).replaceAll('\\u202e', ''),
        ) as typeof sent.parameters;
        delete (parameters['value'] as Record<string, unknown> | undefined)?.['constructor'];
        return sound.submit({ ...sent, parameters }, ctx);
      },
    }),
    caughtBy: 'submit hands hostile parameters over byte for byte',
  },
  {
    reason: 'find says absent whenever it cannot read',
    sabotage: (sound) => ({
      find: (ref, marker, ctx) => sound.find(ref, marker, ctx).catch(() => ({ outcome: 'absent' })),
    }),
    caughtBy: 'find does not take an unreachable engine, or the 404 of a proxy, for an absence',
  },
  {
    reason: 'observe turns unknown words into running',
    sabotage: (sound) => ({
      observe: async (ref, ctx) => {
        const facts = await sound.observe(ref, ctx);
        return facts.presence === 'present' ? { ...facts, phase: facts.phase ?? 'running' } : facts;
      },
    }),
    caughtBy: 'observe draws nothing from a word it does not know',
  },
  {
    reason: 'observe reads only the first page of task runs',
    sabotage: (sound) => ({
      observe: async (ref, ctx) => {
        const facts = await sound.observe(ref, ctx);
        return facts.presence === 'present' && facts.taskRuns
          ? { ...facts, taskRuns: facts.taskRuns.slice(0, 1_000) }
          : facts;
      },
    }),
    caughtBy: 'observe reports every one of very many task runs, once',
  },
  {
    reason: 'observe calls an unreachable engine an absence',
    sabotage: (sound) => ({
      observe: (ref, ctx) => sound.observe(ref, ctx).catch(() => ({ presence: 'absent', key: ref.key })),
    }),
    caughtBy: 'observe takes neither an unreachable engine nor a proxy for an absence',
  },
  {
    reason: 'observeMany leaves out what it does not know',
    sabotage: (sound) => ({
      observeMany: async (refs, ctx) =>
        (await sound.observeMany(refs, ctx)).filter(({ presence }) => presence === 'present'),
    }),
    caughtBy: 'observeMany gives exactly one observation per ref, over page borders, known or not',
  },
  {
    reason: 'observeMany asks for one run at a time',
    sabotage: (sound) => ({
      observeMany: async (refs, ctx) => (await Promise.all(refs.map((ref) => sound.observeMany([ref], ctx)))).flat(),
    }),
    caughtBy: 'observeMany asks the engine once per page',
  },
  {
    reason: 'sentinel calls a failed read missing',
    sabotage: (sound) => ({ sentinel: (ctx) => sound.sentinel(ctx).catch(() => ({ state: 'missing' })) }),
    caughtBy: 'sentinel is not called missing because it could not be read',
  },
  {
    reason: 'cancel claims to have asked for a stop of an ended run',
    sabotage: (sound) => ({
      cancel: async (ref, mode, ctx) => {
        await sound.cancel(ref, mode, ctx);
        return { outcome: 'requested' };
      },
    }),
    caughtBy: 'cancel says already-final of an execution that has ended, and changes nothing',
  },
  {
    reason: 'retry ignores the baseline it is given',
    sabotage: (sound) => ({
      retry: async (ref, _baseline, ctx) => {
        const facts = await sound.observe(ref, ctx);
        return sound.retry(ref, facts.presence === 'present' ? (facts.baseline ?? '') : '', ctx);
      },
    }),
    caughtBy: 'retry does nothing for a baseline that has passed: a repeat is not a second retry',
  },
  {
    reason: 'logs answers every attempt with the first',
    sabotage: (sound) => ({ logs: (request, ctx) => sound.logs({ ...request, attempt: 1 }, ctx) }),
    caughtBy: 'logs keeps the log of attempt 2 apart from that of attempt 1',
  },
  {
    reason: 'logs forgets the cursor',
    sabotage: (sound) => ({
      logs: ({ cursor: _cursor, ...request }, ctx) => sound.logs(request, ctx),
    }),
    caughtBy: 'logs goes on from a cursor in another process',
  },
  {
    reason: 'the signal is not passed on',
    sabotage: (sound) => ({
      ping: (ctx) => sound.ping({ ...ctx, signal: AbortSignal.timeout(3_000) }),
    }),
    caughtBy: 'ping keeps its deadline when the engine is silent',
  },
  {
    reason: 'pause does nothing',
    sabotage: () => ({ pause: async () => undefined }),
    caughtBy: 'pause lets no further task begin, and is seen as paused, until resume',
  },
  {
    reason: 'list takes every execution for one of its own installation',
    sabotage: (sound) => ({
      list: async (request, ctx) => {
        const page = await sound.list(request, ctx);
        const executions = page.executions.map((one) => ({ ...one, installationId: INSTALLATION_ID }));
        return { ...page, executions };
      },
    }),
    caughtBy: 'list names the installation of an execution that is not ours',
  },
  {
    reason: 'list reads only the first page',
    sabotage: (sound) => ({
      list: async (request, ctx) => ({ executions: (await sound.list(request, ctx)).executions }),
    }),
    caughtBy: 'list shows each execution once, over page borders',
  },
  {
    reason: 'discover reads only the first page',
    sabotage: (sound) => ({
      discover: async (request, ctx) => ({ workflows: (await sound.discover(request, ctx)).workflows }),
    }),
    caughtBy: 'discover shows each once, over page borders',
  },
  {
    reason: 'discover shows what it registered itself',
    sabotage: (sound) => {
      const registered: string[] = [];
      return {
        register: (workflow, ctx) => {
          registered.push(workflow.id);
          return sound.register(workflow, ctx);
        },
        discover: async (request, ctx) => {
          const page = await sound.discover(request, ctx);
          const own = registered.map((id) => ({ reference: id, otherReferences: [], name: id, labels: [] }));
          return { ...page, workflows: [...page.workflows, ...own] };
        },
      };
    },
    caughtBy: 'discover leaves out what Signalbox put there',
  },
  {
    reason: 'listBorn takes what Signalbox submitted for the doing of people',
    sabotage: (sound) => {
      const submitted: { key: string; reference: string }[] = [];
      return {
        submit: (sent, ctx) => {
          submitted.push({ key: sent.ref.key, reference: sent.workflow.definition.text });
          return sound.submit(sent, ctx);
        },
        listBorn: async (request, ctx) => {
          const page = await sound.listBorn(request, ctx);
          const ours = submitted
            .filter(({ reference }) => request.references.includes(reference))
            .map(({ key, reference }) => ({ reference, externalId: key, engineState: 'running', parameters: {} }));
          return { ...page, executions: [...page.executions, ...ours] };
        },
      };
    },
    caughtBy: 'listBorn leaves out what Signalbox submitted, and the runs of other workflows',
  },
  {
    reason: 'listBorn shows the whole history',
    sabotage: (sound) => ({ listBorn: (request, ctx) => sound.listBorn({ ...request, endedSince: new Date(0) }, ctx) }),
    caughtBy: 'listBorn shows a run that somebody started, while it is active and after its end',
  },
  {
    reason: 'observe tells the name of the engine for our key',
    sabotage: (sound) => ({
      observe: async (ref, ctx) => ({ ...(await sound.observe(ref, ctx)), key: ref.externalId ?? ref.key }),
    }),
    caughtBy: 'listBorn leads to an execution that is observed under our key, by itself and among others',
  },
];

describe('the suite catches an adapter', () => {
  let harness: Harness;
  let sound: Whole;
  let cases: Map<string, PlannedCase>;

  beforeAll(async () => {
    harness = await scriptedEngineHarness();
    // A run that never gets where it should is noticed sooner.
    harness.patienceMs = 2_000;
    sound = (await harness.connect()) as Whole;
    cases = new Map(plan(sound.capabilities, harness, []).map((one) => [one.title, one]));
  });

  afterEach(async () => {
    if (!isImpossible(harness.wire)) await harness.wire.heal();
  });

  afterAll(async () => {
    await sound.close();
    await harness.cleanUp();
  });

  test.each(SABOTEURS)('$reason', async ({ sabotage, caughtBy }) => {
    const chosen = cases.get(caughtBy);
    if (!chosen) throw new Error(`no case is called: ${caughtBy}`);
    const broken: Whole = { ...sound, ...sabotage(sound) };
    const sabotaged: Harness = { ...harness, connect: async () => ({ ...broken, close: async () => undefined }) };
    await runCase(chosen, makeWorld(sound, harness));
    await expect(runCase(chosen, makeWorld(broken, sabotaged))).rejects.toThrow();
  });

  test('a skip that names no case is refused', () => {
    const skips = [{ reason: 'a slip of the pen', cases: ['submit does everything'] }];
    expect(() => plan(sound.capabilities, harness, skips)).toThrow('submit does everything');
  });

  test('an optional verb that is not declared takes its cases along, with the reason', () => {
    const verbs = { ...sound.capabilities.verbs, pause: 'none' as const };
    const planned = plan({ ...sound.capabilities, verbs }, harness, []);
    const reasons = planned.filter(({ title }) => title.startsWith('pause ')).map(({ notApplicable }) => notApplicable);
    expect(new Set(reasons)).toEqual(new Set(['the engine declares pause: none']));
  });
});
