/** Definitions that the local engine and Argo have to execute alike. Every image is that of the lab: static busybox. */
import type { Json } from '../../definition/definition-types.js';

export interface SideBySide {
  reason: string;
  definition: object;
  parameters: Record<string, Json>;
  /** Once it has failed it is retried, and its second end counts. */
  retried?: boolean;
}

const image = { defaults: { image: 'localhost/busybox:1' } };
const wf = (name: string, body: object): object => ({
  apiVersion: 'signalbox/v1',
  kind: 'Workflow',
  name,
  ...image,
  ...body,
});
const write = (name: string, json: string): string => `printf '%s' '${json}' > "$SIGNALBOX_DIR/outputs/${name}"`;

const HOSTILE: Json[] = [
  `it's "quoted" \`here\``,
  'one\ntwo\n\n',
  '',
  '{{workflow.name}} {{=7*7}} {{ 7*7 }} }}',
  '${{ params.values }} $' + '{HOME}',
  '$(id) `id`; exit 3 & * ~ \\n \\',
  'Zoë 💥 \u2028\u2028\\u2028\u00a0 <&>',
  '-n',
  'A=B',
  '  x \t',
  '\u0001\u001b[31m\r\u007f',
  'true',
  '12',
];

export const SIDE_BY_SIDE: SideBySide[] = [
  {
    reason: 'a diamond with a retry, a task that its condition skips, a fan-out, and values handed on',
    parameters: { greeting: 'all "of" you', limit: 2 },
    definition: wf('orders', {
      params: { greeting: { type: 'string' }, limit: { type: 'integer', default: 2 } },
      maxParallel: 4,
      timeout: '10m',
      tasks: {
        list: {
          run: `${write('items', '["a", {"b": "{{7*7}}"}, 3]')}; ${write('count', '3')}; echo "listed for $GREETING"`,
          env: { GREETING: '${{ params.greeting }}' },
          outputs: { items: { type: 'array' }, count: { type: 'integer' } },
        },
        flaky: {
          needs: ['list'],
          run: 'echo "attempt $SIGNALBOX_ATTEMPT"; test "$SIGNALBOX_ATTEMPT" -ge 2 || exit 75',
          retry: { max: 2, delay: '100ms', backoff: 2, on: ['failure'], exitCodes: [75] },
          timeout: '30s',
        },
        'each.item': {
          foreach: { items: '${{ tasks.list.outputs.items }}', maxParallel: 2 },
          run: 'echo "item $SIGNALBOX_ITEM of $SIGNALBOX_TASK"; printf %s "$SIGNALBOX_ITEM" | wc -c > "$SIGNALBOX_DIR/outputs/size"',
          outputs: { size: { type: 'integer' } },
        },
        rare: { when: 'tasks.list.outputs.count > 3 || params.greeting.contains("nobody")', run: 'echo rare' },
        report: {
          needs: ['flaky'],
          command: ['printf', '%s|%s|%s\n'],
          args: [
            '${{ tasks["each.item"].outputs.size }}',
            'to ${{ params.greeting }}: ${{ tasks.list.outputs.count }}',
            '${{ params.limit }}',
          ],
        },
        map: { needs: ['each.item'], trigger: 'any-failed', run: 'echo alarm' },
      },
      outputs: { sizes: '${{ tasks["each.item"].outputs.size }}', limit: '${{ params.limit }}' },
    }),
  },
  {
    reason: 'hostile values, as words, variables, items and outputs',
    parameters: { values: HOSTILE, text: HOSTILE.join('|'), object: { z: 1, a: ['{{x}}', 1.5, null] } },
    definition: wf('hostile', {
      params: { values: { type: 'array' }, text: { type: 'string' }, object: { type: 'object' } },
      tasks: {
        echo: {
          run: 'printf %s "$VALUES" > "$SIGNALBOX_DIR/outputs/values"; printf "%s[%s]" "$TEXT" "$TEXT"',
          env: { VALUES: '${{ params.values }}', TEXT: '${{ params.text }}' },
          outputs: { values: { type: 'array' } },
        },
        words: {
          command: [
            'sh',
            '-c',
            'printf "<%s>" "$@"; printf "%s" "$OBJECT$SIGNALBOX_RUN_ID"',
            '${{ run.id }}',
            '{{workflow.uid}} }} {{=1}}',
          ],
          args: [
            '${{ params.text }}',
            'x${{ params.text }}y',
            '${{ tasks.echo.outputs.values }}',
            '${{ tasks.echo.state }}',
            '',
            '$' + '(id)',
          ],
          env: { OBJECT: '${{ params.object }}', FIXED: '{{workflow.name}} \'"' },
        },
        each: {
          foreach: { items: '${{ tasks.echo.outputs.values }}' },
          run: 'printf "[%s]" "$SIGNALBOX_ITEM" "$VALUE"; test "$SIGNALBOX_ITEM" = "$VALUE" && printf %s "$VALUE" | wc -c > "$SIGNALBOX_DIR/outputs/bytes"',
          env: { VALUE: '${{ item }}' },
          outputs: { bytes: { type: 'integer' } },
        },
      },
      outputs: {
        values: '${{ tasks.echo.outputs.values }}',
        bytes: '${{ tasks.each.outputs.bytes }}',
        whole: '${{ tasks.echo.outputs }}',
      },
    }),
  },
  {
    reason: 'every trigger, after every end',
    parameters: { n: 1 },
    definition: wf('triggers', {
      params: { n: { type: 'integer' } },
      tasks: {
        ok: { run: 'true' },
        fail: { run: 'exit 3', outputs: { nothing: { type: 'string' } } },
        'skips-itself': { run: 'exit 9', skipExitCode: 9 },
        never: { when: 'params.n > 1', run: 'true' },
        'no-answer': { when: 'params.n < "1"', run: 'true' },
        'no-answer-needed': { when: 'params.n < "1" && params.n == 2', run: 'true' },
        allowed: { run: 'exit 4', allowFailure: true },
        'no-output': { run: 'true', outputs: { y: { type: 'string' } } },
        'wrong-output': { run: write('y', '5'), outputs: { y: { type: 'string' } } },
        'given-output': { run: 'true', outputs: { y: { type: 'string', default: '{{y}}' } } },
        'after-fail': { needs: ['fail', 'ok'], run: 'true' },
        'after-skip': { needs: ['skips-itself'], run: 'true' },
        'after-never': { needs: ['never'], run: 'true' },
        'after-allowed': { needs: ['allowed'], run: 'true' },
        'any-good': { needs: ['fail', 'ok'], trigger: 'any-succeeded', run: 'true' },
        'none-good': { needs: ['fail', 'skips-itself'], trigger: 'any-succeeded', run: 'true' },
        'any-bad': { needs: ['skips-itself', 'no-answer'], trigger: 'any-failed', run: 'true' },
        'none-bad': { needs: ['ok', 'never'], trigger: 'any-failed', run: 'true' },
        all: {
          needs: ['ok'],
          trigger: 'all-done',
          when: 'tasks["skips-itself"].state == "SKIPPED" && tasks.fail.outputs.nothing == null && tasks["given-output"].outputs.y.startsWith("{{")',
          command: [
            'echo',
            '${{ tasks.fail.state }} ${{ tasks["skips-itself"].state }} ${{ tasks.never.state }} ${{ tasks["no-answer"].state }}',
          ],
          args: ['${{ tasks["no-output"].outputs.y }}', '${{ tasks["given-output"].outputs }}'],
        },
      },
    }),
  },
  {
    reason: 'fan-outs over nothing, over what is no list, with items that fail and skip themselves',
    parameters: {},
    definition: wf('fan-outs', {
      tasks: {
        make: {
          run: `${write('none', '[]')}; ${write('text', '"abc"')}`,
          outputs: { none: { type: 'array' }, text: { handler: 'json' } },
        },
        empty: {
          foreach: { items: '${{ tasks.make.outputs.none }}' },
          run: 'true',
          outputs: { y: { type: 'integer' } },
        },
        'no-list': { foreach: { items: '${{ tasks.make.outputs.text }}' }, run: 'true', allowFailure: true },
        some: {
          foreach: { items: [1, 2, { n: { '}}': ['${{ tasks.make.state }}'] } }, 4] },
          run: 'echo "$SIGNALBOX_ITEM"; case "$SIGNALBOX_ITEM" in 2) exit 5 ;; 4) exit 9 ;; esac; printf %s "$SIGNALBOX_ITEM" > "$SIGNALBOX_DIR/outputs/y"',
          outputs: { y: { handler: 'json' } },
          skipExitCode: 9,
          allowFailure: true,
        },
        'all-skip': { foreach: { items: [1, 2] }, run: 'exit 9', skipExitCode: 9 },
        gated: { foreach: { items: [1] }, when: 'tasks.make.outputs.text == "x"', run: 'true' },
        'after-empty': { command: ['echo', '${{ tasks.empty.outputs.y }}'] },
        'after-some': {
          trigger: 'all-done',
          when: 'size(tasks.some.outputs.y) == 4 && tasks.some.outputs.y[0] == 1',
          command: [
            'echo',
            '${{ tasks.some.outputs.y }} ${{ tasks.some.state }} ${{ tasks["all-skip"].state }} ${{ tasks["no-list"].state }} ${{ tasks.gated.outputs }}',
          ],
        },
        'after-skip': { needs: ['all-skip'], run: 'true' },
        'each-of-each': { foreach: { items: '${{ tasks["empty"].outputs.y }}' }, run: 'true' },
      },
      outputs: { y: '${{ tasks.some.outputs.y }}', none: '${{ tasks.empty.outputs.y }}' },
    }),
  },
  {
    reason: 'retries for causes and exit codes, and time-outs of attempts',
    parameters: {},
    definition: wf('retries', {
      tasks: {
        'other-code': { run: 'exit 3', retry: { max: 2, exitCodes: [4] }, allowFailure: true },
        'that-code': { run: 'exit 4', retry: { max: 1, exitCodes: [4] }, allowFailure: true },
        'not-for-time': { run: 'sleep 60', timeout: '1s', retry: { max: 2, on: ['failure'] }, allowFailure: true },
        'for-time': {
          run: 'test "$SIGNALBOX_ATTEMPT" -ge 2 || sleep 60',
          timeout: '2s',
          retry: { max: 1, on: ['timeout'] },
        },
        'not-for-failure': { run: 'exit 1', retry: { max: 2, on: ['timeout', 'infra'] }, allowFailure: true },
        'skips-at-last': {
          run: 'test "$SIGNALBOX_ATTEMPT" -ge 2 && exit 9; exit 1',
          skipExitCode: 9,
          retry: { max: 1 },
        },
        after: {
          needs: ['for-time', 'skips-at-last'],
          trigger: 'all-done',
          command: ['echo', '${{ tasks["skips-at-last"].state }}'],
        },
      },
    }),
  },
  {
    reason: 'a run that is retried: what failed begins again, attempts are counted on, values are still there',
    parameters: { text: 'it\'s {{"}}' },
    retried: true,
    definition: wf('retried', {
      params: { text: { type: 'string' } },
      tasks: {
        kept: {
          run: `${write('y', '"kept {{1}}"')}; echo "attempt $SIGNALBOX_ATTEMPT"`,
          outputs: { y: { type: 'string' } },
        },
        flaky: {
          run: 'test "$SIGNALBOX_ATTEMPT" -ge 3',
          retry: { max: 1 },
          needs: ['kept'],
        },
        each: {
          foreach: { items: [1, 2, 3] },
          run: 'test "$SIGNALBOX_ITEM" != 2 || test "$SIGNALBOX_ATTEMPT" -ge 2 || exit 1; echo "attempt $SIGNALBOX_ATTEMPT of $SIGNALBOX_ITEM"; printf %s "$SIGNALBOX_ITEM" > "$SIGNALBOX_DIR/outputs/y"',
          outputs: { y: { type: 'integer' } },
        },
        last: {
          needs: ['flaky'],
          command: ['echo', '${{ tasks.each.outputs.y }} ${{ tasks.kept.outputs.y }} ${{ params.text }}'],
        },
      },
      outputs: { y: '${{ tasks.each.outputs.y }}' },
    }),
  },
  {
    reason: 'a run that takes too long',
    parameters: {},
    definition: wf('too-long', {
      timeout: '20s',
      tasks: { slow: { run: 'sleep 90' }, after: { needs: ['slow'], run: 'true' }, quick: { run: 'true' } },
    }),
  },
];
