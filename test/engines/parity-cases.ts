/** The portable definitions that every engine runs, and what they are given. */
import { readFileSync } from 'node:fs';
import type { Json } from '../../definition/definition-types.js';

export interface ParityCase {
  name: string;
  text: string;
  parameters: Record<string, Json>;
}

/** What nobody may take for a template, a command or the end of a text. */
export const HOSTILE =
  'it\'s "quoted" \\ {{ dag.dag_id }} {% raw %} ${{ params.count }} $(id) `id` \'\'\' """ \u{1f600}\u2028\ttab\r\nSIGNALBOX_DAG_ID {{=x}} \\u0041 %s ';

const definition = (name: string, body: object): string =>
  JSON.stringify({ apiVersion: 'signalbox/v1', kind: 'Workflow', name, ...body });

/** The example that every engine runs. */
export const PARITY = readFileSync(new URL('../../examples/parity/workflow.yaml', import.meta.url), 'utf8');

/** Leaves the bytes of its input as output `hex`. */
const TO_HEX = `{ printf '"%s"' "$(od -An -v -tx1 | tr -d ' \\n')" > "$SIGNALBOX_DIR/outputs/hex"; }`;

/** Each must end the same way everywhere. All of it is POSIX shell. */
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

/** Stopped once its first item is done, and retried. */
export const STOPPED: ParityCase = {
  name: 'a run that is stopped and retried',
  text: definition('stopped', {
    tasks: {
      items: {
        foreach: { items: ['a', 'b'] },
        run: 'test "$SIGNALBOX_ITEM" = a || test "$SIGNALBOX_ATTEMPT" -ge 2 || exec sleep 600',
      },
      after: { needs: ['items'], run: 'true' },
    },
  }),
  parameters: {},
};
