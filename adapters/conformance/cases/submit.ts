import { expect } from '@jest/globals';
import { canonicalJson } from '../../../definition/canonical-json.js';
import type { Json } from '../../../definition/definition-types.js';
import { EngineError } from '../../spi/engine-error.js';
import type { CaseBook } from '../conformance-case.js';
import { DEADLINE_MS, NOBODY_KNOWS, expectDeadlineKept, expectEngineError, forEachShape } from '../expectations.js';

/** Quotes, shells, templates, separators and scripts of every kind; no NUL, which no process can be given. */
const HOSTILE_TEXT = [
  '\'"`$(touch /tmp/pwned) ${HOME} %s %n \\ \\\\ \\n',
  '{{workflow.name}} {{ 7*7 }} ${{ params.value }} <script>alert(1)</script> -- ;DROP TABLE runs;',
  'tab\there, line\r\nend, bell\u0007, escape\u001b[31m, line separator \u2028, bidi \u202e, BOM \ufeff',
  'ﬀ é e\u0301 漢字 🚂👩‍🚀 \ud83d\ude80 trailing blanks   ',
].join('\n');

/** Parsed, since an object literal could not hold a field `__proto__`. */
const HOSTILE_VALUE = JSON.parse(
  '{"z":1,"a":[[],{},null,true,-0.5,1.5e-300,9007199254740991,""],"":"empty name","a.b/c~d \\"e\\"":{"nested":["\\u2028","{{x}}"]},' +
    '"__proto__":{"polluted":true},"constructor":"x","10":"ten","9":"nine"}',
) as Json;

export const SUBMIT_CASES: Pick<CaseBook, 'submit'> = {
  submit: [
    {
      name: 'starts an execution and tells its id',
      run: async ({ adapter, ctx, workflow, submission, ended }) => {
        const sent = submission(await workflow('linear'));
        const answer = await adapter.submit(sent, ctx());
        expect(answer).toMatchObject({ outcome: 'accepted', externalId: expect.stringMatching(/./) });
        expect((await ended(sent.ref)).phase).toBe('succeeded');
      },
    },
    {
      name: 'answers a duplicate with the first execution',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        const first = await adapter.submit(sent, ctx());
        expect(await adapter.submit(sent, ctx())).toEqual(first);
      },
    },
    {
      name: 'starts one execution for twenty duplicates at once, from two processes, and after the first has ended',
      run: async ({ adapter, harness, ctx, workflow, submission, ended }) => {
        const other = await harness.connect();
        try {
          const sent = submission(await workflow('linear'));
          const answers = await Promise.all(
            Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? adapter : other).submit(sent, ctx())),
          );
          expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
          const facts = await ended(sent.ref);
          expect(facts.taskRuns?.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
          expect(await other.submit(sent, ctx())).toEqual(answers[0]);
          expect((await adapter.observe(sent.ref, ctx())).presence).toBe('present');
        } finally {
          await other.close();
        }
      },
    },
    {
      name: 'calls the same key with other content a conflict',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await adapter.submit(sent, ctx());
        const changed = { ...sent, marker: { ...sent.marker, contentDigest: 'f'.repeat(64) } };
        expect((await adapter.submit(changed, ctx())).outcome).toBe('conflict');
        const foreign = { ...sent, marker: { ...sent.marker, installationId: 'another-installation' } };
        expect((await adapter.submit(foreign, ctx())).outcome).toBe('conflict');
      },
    },
    {
      name: 'hands hostile parameters over byte for byte',
      run: async ({ harness, start, ended }) => {
        const { ref } = await start('echo-params', { text: HOSTILE_TEXT, value: HOSTILE_VALUE });
        const { outputs } = await ended(ref);
        expect(outputs?.['text']).toBe(HOSTILE_TEXT);
        const asText = harness.losesKeyOrder === true ? canonicalJson : JSON.stringify;
        expect(asText(outputs?.['value'] ?? null)).toBe(asText(HOSTILE_VALUE));
      },
    },
    {
      name: 'hands over integers of any size, or refuses them before anything runs',
      run: async ({ adapter, ctx, workflow, submission, ended }) => {
        for (const value of [{ n: 1e21 }, { n: [-1e21] }]) {
          const sent = submission(await workflow('echo-params'), { text: 'large', value });
          const answer = await adapter.submit(sent, ctx()).catch((error: unknown) => error);
          if (answer instanceof EngineError) {
            expect(answer).toMatchObject({ code: 'rejected', message: expect.stringMatching(/value/) });
            expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('absent');
          } else {
            expect((await ended(sent.ref)).outputs?.['value']).toEqual(value);
          }
        }
      },
    },
    {
      name: 'stops at an aborted signal',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await expectEngineError(adapter.submit(sent, { ...ctx(), signal: AbortSignal.abort() }), 'timeout');
      },
    },
    {
      name: 'says nobody knows when the answer is lost; look-up and repeat then give the one execution',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await wire.break('submit', { fault: 'lose-answer' });
        await expectEngineError(adapter.submit(sent, ctx()), ...NOBODY_KNOWS);
        await wire.heal();
        expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('found');
        expect((await adapter.submit(sent, ctx())).outcome).toBe('accepted');
        expect(await wire.executions(sent.ref.key)).toBe(1);
      },
    },
    {
      name: 'does not repeat by itself',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await wire.break('submit', { fault: 'drop' });
        const before = await wire.calls('submit');
        await expectEngineError(adapter.submit(sent, ctx()), ...NOBODY_KNOWS);
        expect((await wire.calls('submit')) - before).toBe(1);
        await wire.heal();
        expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('absent');
      },
    },
    {
      name: 'starts one execution when a proxy sends the request twice',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await wire.break('submit', { fault: 'duplicate' });
        expect((await adapter.submit(sent, ctx())).outcome).toBe('accepted');
        expect(await wire.executions(sent.ref.key)).toBe(1);
      },
    },
    {
      name: 'finds, and can cancel, a request that arrives after a look-up said absent',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission, until }) => {
        const sent = submission(await workflow('sleeping'));
        await wire.break('submit', { fault: 'late' });
        await expectEngineError(adapter.submit(sent, ctx(DEADLINE_MS)), 'timeout');
        expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('absent');
        await wire.heal();
        await until(sent.ref, 'the late request has arrived', () => true);
        expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('found');
        await adapter.cancel(sent.ref, 'graceful', ctx());
        await until(sent.ref, 'cancelled', ({ phase }) => phase === 'cancelled');
      },
    },
    {
      name: 'does not take a conflict that is not about our key for success',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await wire.break('submit', { fault: 'answer', status: 409, body: '{"error":"clash"}' });
        await expectEngineError(adapter.submit(sent, ctx()), 'conflict');
        await wire.heal();
        expect((await adapter.submit(sent, ctx())).outcome).toBe('accepted');
        expect(await wire.executions(sent.ref.key)).toBe(1);
      },
    },
    {
      name: 'calls an execution of another installation under our key a conflict',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await wire.plantForeign(sent.ref.key);
        const before = await wire.executions(sent.ref.key);
        expect((await adapter.submit(sent, ctx())).outcome).toBe('conflict');
        expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('conflict');
        expect(await wire.executions(sent.ref.key)).toBe(before);
      },
    },
    {
      name: 'says unavailable when nothing was sent',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        await wire.down();
        await expectEngineError(adapter.submit(sent, ctx()), 'unavailable');
        await wire.heal();
        expect((await adapter.submit(sent, ctx())).outcome).toBe('accepted');
      },
    },
    {
      name: 'says unavailable to "not now", and for how long, in seconds or as a date',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        for (const status of [429, 503]) {
          await wire.break('submit', { fault: 'answer', status, headers: { 'retry-after': '7' } });
          const error = await expectEngineError(adapter.submit(sent, ctx()), 'unavailable');
          expect(error.retryAfterSeconds).toBe(7);
          await wire.heal();
        }
        const date = new Date(Date.now() + 30_000).toUTCString();
        await wire.break('submit', { fault: 'answer', status: 503, headers: { 'retry-after': date } });
        const { retryAfterSeconds } = await expectEngineError(adapter.submit(sent, ctx()), 'unavailable');
        expect(retryAfterSeconds).toBeGreaterThanOrEqual(28);
        expect(retryAfterSeconds).toBeLessThanOrEqual(30);
        await wire.heal();
        await wire.break('submit', { fault: 'answer', status: 503, headers: { 'retry-after': 'soon' } });
        const { retryAfterSeconds: none } = await expectEngineError(adapter.submit(sent, ctx()), 'unavailable');
        expect(none).toBeUndefined();
      },
    },
    {
      name: 'tells a refused credential, a refused request and a failing engine apart',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        const expected = {
          400: ['rejected'],
          401: ['unauthorized'],
          403: ['unauthorized'],
          422: ['rejected'],
          500: NOBODY_KNOWS,
          502: NOBODY_KNOWS,
          504: NOBODY_KNOWS,
        } as const;
        for (const [status, codes] of Object.entries(expected)) {
          await wire.break('submit', { fault: 'answer', status: Number(status), body: '{"message":"no"}' });
          await expectEngineError(adapter.submit(sent, ctx()), ...codes);
          await wire.heal();
        }
      },
    },
    {
      name: 'follows no redirect',
      wire: true,
      run: async ({ adapter, ctx, wire, workflow, submission }) => {
        const sent = submission(await workflow('linear'));
        for (const status of [301, 302, 307, 308]) {
          const headers = { location: `${wire.canary.url}/executions` };
          await wire.break('submit', { fault: 'answer', status, headers });
          await expectEngineError(adapter.submit(sent, ctx()), ...NOBODY_KNOWS);
          await wire.heal();
        }
        expect(wire.canary.requests()).toBe(0);
      },
    },
    {
      name: 'believes no broken answer, and the execution is found afterwards',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const workflow = await world.workflow('linear');
        await forEachShape(world, 'submit', async (shape) => {
          const sent = world.submission(workflow);
          await wire.break('submit', { fault: 'garble', shape });
          await expectEngineError(adapter.submit(sent, ctx()), ...NOBODY_KNOWS);
          await wire.heal();
          expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('found');
          expect(await wire.executions(sent.ref.key)).toBe(1);
        });
      },
    },
    {
      name: 'keeps its deadline when the engine is silent',
      wire: true,
      run: async (world) => {
        const sent = world.submission(await world.workflow('linear'));
        await expectDeadlineKept(world, 'submit', () => world.adapter.submit(sent, world.ctx(DEADLINE_MS)));
      },
    },
  ],
};
