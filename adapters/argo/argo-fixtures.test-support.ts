import type { FixtureName } from '../conformance/fixtures.js';
import { REFUSED_PORTABLE, portableFixture } from '../conformance/portable-fixtures.js';
import type { DefinitionText } from '../spi/engine-adapter.js';

/** An image of the lab: static busybox. */
const IMAGE = 'localhost/busybox:1';
const SLEEP = 'echo holding; exec sleep 600';
const ROUND = '{{workflow.parameters.signalbox-round}}';
const ROUND_PARAMETER = { name: 'signalbox-round', value: '1' };

interface Task {
  run: string;
  needs?: string[];
  /** Files whose content is an output. */
  outputs?: string[];
  env?: Record<string, string>;
  extra?: object;
  /** Of the template. */
  more?: object;
}

/** A DAG whose tasks run shell texts; `spec` adds to the whole. */
function dag(tasks: Record<string, Task>, spec: object = {}, outputs?: object[]): object {
  const names = Object.entries(tasks);
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'WorkflowTemplate',
    metadata: { name: 'fixture' },
    spec: {
      entrypoint: 'main',
      serviceAccountName: 'wf',
      ...spec,
      templates: [
        {
          name: 'main',
          dag: {
            tasks: names.map(([name, { needs, extra }]) => ({
              name,
              template: name,
              ...(needs === undefined ? {} : { dependencies: needs }),
              ...extra,
            })),
          },
          ...(outputs === undefined ? {} : { outputs: { parameters: outputs } }),
        },
        ...names.map(([name, task]) => template(name, task)),
      ],
    },
  };
}

function template(name: string, { run, outputs = [], env = {}, more }: Task): object {
  const variables = Object.entries(env).map(([variable, value]) => ({ name: variable, value }));
  const parameters = outputs.map((output) => ({ name: output, valueFrom: { path: `/tmp/${output}` } }));
  return {
    name,
    container: { image: IMAGE, command: ['sh', '-c'], args: [run], env: variables },
    ...(parameters.length === 0 ? {} : { outputs: { parameters } }),
    ...more,
  };
}

function outputOf(task: string, name: string): object {
  return { name, valueFrom: { parameter: `{{tasks.${task}.outputs.parameters.${name}}}` } };
}

export const ARGO_FIXTURES: Record<FixtureName, object> = {
  linear: dag({
    first: { run: 'echo first' },
    second: { run: 'echo second', needs: ['first'] },
    third: { run: 'echo third', needs: ['second'] },
  }),
  diamond: dag(
    {
      top: { run: 'echo 7 > /tmp/value', outputs: ['value'] },
      left: { run: 'true', needs: ['top'] },
      right: { run: 'true', needs: ['top'] },
      bottom: { run: 'true', needs: ['left', 'right'] },
    },
    {},
    [outputOf('top', 'value')],
  ),
  failing: dag({
    first: { run: 'true' },
    broken: { run: 'exit 3', needs: ['first'] },
    after: { run: 'true', needs: ['broken'] },
  }),
  'failing-once': dag(
    {
      first: { run: 'echo "attempt 1 of first"' },
      flaky: { run: `echo "attempt ${ROUND} of flaky"; test ${ROUND} -ge 2`, needs: ['first'] },
      last: { run: 'echo "attempt 1 of last"', needs: ['flaky'] },
    },
    { arguments: { parameters: [ROUND_PARAMETER] } },
  ),
  retrying: dag({
    flaky: {
      run: 'echo "attempt $(( {{retries}} + 1 )) of flaky"; test {{retries}} -ge 1',
      more: { retryStrategy: { limit: '1', retryPolicy: 'Always' } },
    },
  }),
  sleeping: dag({ hold: { run: SLEEP }, after: { run: 'true', needs: ['hold'] } }),
  'sleeping-aside': dag({ hold: { run: SLEEP, extra: { continueOn: { failed: true } } }, aside: { run: 'true' } }),
  // Longer than elsewhere: Argo notices that a pod runs after a second or two.
  waiting: dag({ slow: { run: 'sleep 6' }, after: { run: 'true', needs: ['slow'] } }),
  'fan-out': dag(
    {
      work: {
        run: 'echo "$ITEM" > /tmp/item',
        env: { ITEM: '{{inputs.parameters.item}}' },
        outputs: ['item'],
        extra: {
          withParam: '{{workflow.parameters.items}}',
          arguments: { parameters: [{ name: 'item', value: '{{item}}' }] },
        },
        more: { inputs: { parameters: [{ name: 'item' }] } },
      },
    },
    { arguments: { parameters: [{ name: 'items', value: '[]' }] } },
  ),
  'echo-params': dag(
    {
      echo: {
        run: 'echo "$TEXT" | base64 -d > /tmp/text; echo "$VALUE" | base64 -d > /tmp/value',
        env: {
          TEXT: '{{workflow.parameters.signalbox-base64-text}}',
          VALUE: '{{workflow.parameters.signalbox-base64-value}}',
        },
        outputs: ['text', 'value'],
      },
    },
    { arguments: { parameters: [{ name: 'signalbox-base64-text' }, { name: 'signalbox-base64-value' }] } },
    [outputOf('echo', 'text'), outputOf('echo', 'value')],
  ),
  noisy: dag({
    chatter: { run: 'n=1; while [ $n -le 3000 ]; do echo "line $n of 3000, as chatter says it"; n=$((n+1)); done' },
  }),
};

/** Makes JSON of the text that arrived, byte by byte: busybox has nothing else that could. */
const ECHO_TEXT = String.raw`LC_ALL=C awk 'BEGIN {
  for (code = 1; code < 32; code++) escaped[sprintf("%c", code)] = sprintf("\\u%04x", code)
  escaped["\""] = "\\\""
  escaped["\\"] = "\\\\"
  text = ENVIRON["TEXT"]
  printf "\""
  for (at = 1; at <= length(text); at++) {
    char = substr(text, at, 1)
    printf "%s", char in escaped ? escaped[char] : char
  }
  printf "\""
}'`;

/** What runs in a container has an image, and nothing that the image has not. */
export function compiledFixture(fixture: FixtureName): DefinitionText {
  const { tasks, ...rest } = JSON.parse(portableFixture(fixture).text) as { tasks: Record<string, object> };
  const inContainers: Partial<Record<FixtureName, Record<string, object>>> = {
    'echo-params': {
      echo: {
        ...tasks['echo'],
        command: [
          'sh',
          '-c',
          `${ECHO_TEXT} > "$SIGNALBOX_DIR/outputs/text"; printf %s "$VALUE" > "$SIGNALBOX_DIR/outputs/value"`,
        ],
      },
    },
    // As in the template above.
    waiting: { ...tasks, slow: { ...tasks['slow'], run: 'sleep 6' } },
  };
  return inImage({ ...rest, tasks: inContainers[fixture] ?? tasks });
}

export const REFUSED_COMPILED = inImage(JSON.parse(REFUSED_PORTABLE.text) as object);

function inImage(definition: object): DefinitionText {
  return { format: 'signalbox/v1', text: JSON.stringify({ ...definition, defaults: { image: IMAGE } }) };
}
