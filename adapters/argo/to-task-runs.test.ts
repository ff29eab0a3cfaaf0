import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../spi/http/read-answer.js';
import { readHistory, writeHistory } from './attempt-history.js';
import { podName, toNodes } from './to-nodes.js';
import { toTaskRuns, toValue } from './to-task-runs.js';

const WF = 'sb-x-g1';
const T0 = '2026-01-31T12:00:00Z';
const T1 = '2026-01-31T12:00:05Z';

interface Sketch {
  name: string;
  type?: string;
  phase?: string;
  /** Name of the node around it; the root unless told, and nothing for those outside of it. */
  within?: string | null;
  children?: string[];
  more?: JsonObject;
}

/** Nodes as Argo has them; their ids are their names. */
function nodesOf(sketches: Sketch[]): JsonObject {
  const root: Sketch = { name: WF, type: 'DAG', phase: 'Running', within: null };
  return Object.fromEntries(
    [root, ...sketches].map(({ name, type = 'Pod', phase = 'Succeeded', within = WF, children = [], more = {} }) => [
      name,
      {
        id: name,
        name,
        type,
        phase,
        children,
        templateName: 'work',
        startedAt: T0,
        finishedAt: ['Pending', 'Running'].includes(phase) ? null : T1,
        ...(within === null ? {} : { boundaryID: within }),
        ...more,
      },
    ]),
  );
}

function runsOf(sketches: Sketch[], titles: string[], spec: JsonObject = {}): ReturnType<typeof toTaskRuns> {
  return toTaskRuns({
    graph: { tasks: titles.map((title) => ({ title, downstream: [] })) },
    nodes: toNodes(WF, nodesOf(sketches)),
    history: readHistory(spec),
    notBegun: 'PENDING',
    pageOf: () => undefined,
  });
}

/** Task, position, state and states of attempts of each run. */
function brief(runs: ReturnType<typeof toTaskRuns>): unknown[] {
  return runs.map(({ task, mapIndex, state, attempts = [] }) => [
    mapIndex === undefined ? task : `${task}#${mapIndex}`,
    state,
    attempts.map((attempt) => attempt.state).join(' '),
  ]);
}

describe('toTaskRuns', () => {
  const rows: { reason: string; nodes: Sketch[]; titles: string[]; expected: unknown[] }[] = [
    {
      reason: 'a task without a node has not begun',
      nodes: [{ name: `${WF}.a`, phase: 'Running' }],
      titles: ['a', 'b'],
      expected: [
        ['a', 'RUNNING', 'RUNNING'],
        ['b', 'PENDING', ''],
      ],
    },
    {
      reason: 'a pod that waits for its image is scheduled',
      nodes: [{ name: `${WF}.a`, phase: 'Pending', more: { message: 'ImagePullBackOff' } }],
      titles: ['a'],
      expected: [['a', 'SCHEDULED', 'SCHEDULED']],
    },
    {
      reason: 'attempts are the children of the Retry node; between two of them the task is retrying',
      nodes: [
        { name: `${WF}.a`, type: 'Retry', phase: 'Running', children: [`${WF}.a(0)`] },
        { name: `${WF}.a(0)`, phase: 'Failed' },
      ],
      titles: ['a'],
      expected: [['a', 'RETRYING', 'FAILED']],
    },
    {
      reason: 'the state of a retried task is that of its Retry node',
      nodes: [
        { name: `${WF}.a`, type: 'Retry', children: [`${WF}.a(0)`, `${WF}.a(1)`] },
        { name: `${WF}.a(1)` },
        { name: `${WF}.a(0)`, phase: 'Failed' },
      ],
      titles: ['a'],
      expected: [['a', 'COMPLETED', 'FAILED COMPLETED']],
    },
    {
      reason: 'items have a position, whatever stands in them, and attempts of their own',
      nodes: [
        { name: `${WF}.a`, type: 'TaskGroup', children: [`${WF}.a(0:x)(1)`, `${WF}.a(1:y\n(0))`] },
        { name: `${WF}.a(0:x)(1)`, phase: 'Running' },
        { name: `${WF}.a(1:y\n(0))`, type: 'Retry', children: [`${WF}.a(1:y\n(0))(0)`] },
        { name: `${WF}.a(1:y\n(0))(0)` },
      ],
      titles: ['a'],
      expected: [
        ['a#0', 'RUNNING', 'RUNNING'],
        ['a#1', 'COMPLETED', 'COMPLETED'],
      ],
    },
    {
      reason: 'a fan-out over nothing has ended, and is not lost',
      nodes: [{ name: `${WF}.a`, type: 'TaskGroup' }],
      titles: ['a'],
      expected: [['a', 'COMPLETED', '']],
    },
    {
      reason: 'steps and nested workflows give the path',
      nodes: [
        { name: `${WF}[0]`, type: 'StepGroup' },
        { name: `${WF}[0].outer`, type: 'Steps' },
        { name: `${WF}[0].outer[1].inner`, within: `${WF}[0].outer` },
      ],
      titles: ['outer.inner'],
      expected: [['outer.inner', 'COMPLETED', 'COMPLETED']],
    },
    {
      reason: 'a nested workflow that is retried as a whole gives its tasks more attempts',
      nodes: [
        { name: `${WF}.outer`, type: 'Retry', children: [`${WF}.outer(0)`, `${WF}.outer(1)`] },
        { name: `${WF}.outer(0)`, type: 'DAG', phase: 'Failed' },
        { name: `${WF}.outer(1)`, type: 'DAG' },
        { name: `${WF}.outer(1).inner`, within: `${WF}.outer(1)` },
        { name: `${WF}.outer(0).inner`, within: `${WF}.outer(0)`, phase: 'Failed' },
      ],
      titles: ['outer.inner'],
      expected: [['outer.inner', 'COMPLETED', 'FAILED COMPLETED']],
    },
    {
      reason: 'a nested workflow that is skipped skips each of its tasks',
      nodes: [{ name: `${WF}.outer`, type: 'Skipped', phase: 'Skipped' }],
      titles: ['outer.one', 'outer.two'],
      expected: [
        ['outer.one', 'SKIPPED', ''],
        ['outer.two', 'SKIPPED', ''],
      ],
    },
    {
      reason: 'what a stop ended is cancelled, with one blank or two',
      nodes: [
        { name: `${WF}.a`, phase: 'Failed', more: { message: 'workflow shutdown with strategy:  Terminate' } },
        { name: `${WF}.b`, phase: 'Error', more: { message: "Stopped with strategy 'Stop'" } },
        { name: `${WF}.c`, phase: 'Failed', more: { message: 'Step exceeded its deadline' } },
      ],
      titles: ['a', 'b', 'c'],
      expected: [
        ['a', 'CANCELLED', 'CANCELLED'],
        ['b', 'CANCELLED', 'CANCELLED'],
        ['c', 'FAILED', 'FAILED'],
      ],
    },
    {
      reason: 'somebody has to let a suspend task go',
      nodes: [{ name: `${WF}.a`, type: 'Suspend', phase: 'Running' }],
      titles: ['a'],
      expected: [['a', 'PAUSED', 'PAUSED']],
    },
    {
      reason: 'hooks have no place in the graph, the exit handler has',
      nodes: [
        { name: `${WF}.a.hooks.running`, more: { nodeFlag: { hooked: true } } },
        { name: `${WF}.onExit`, within: null, more: { nodeFlag: { hooked: true } } },
      ],
      titles: ['onExit'],
      expected: [['onExit', 'COMPLETED', 'COMPLETED']],
    },
    {
      reason: 'nothing is said of a task in a phase nobody knows',
      nodes: [{ name: `${WF}.a`, phase: 'Dreaming' }, { name: `${WF}.b`, phase: 'constructor' }, { name: `${WF}.c` }],
      titles: ['a', 'b', 'c'],
      expected: [['c', 'COMPLETED', 'COMPLETED']],
    },
  ];
  test.each(rows)('$reason', ({ nodes, titles, expected }) => {
    expect(brief(runsOf(nodes, titles))).toEqual(expected);
  });

  test('a template alone is one task of its name', () => {
    const nodes = { [WF]: { id: WF, name: WF, type: 'Pod', phase: 'Succeeded', templateName: 'say' } };
    expect(toNodes(WF, nodes).map(({ task, pod }) => [task, pod])).toEqual([['say', WF]]);
  });

  test('tells why a task was skipped', () => {
    const skipped = (message: string): unknown =>
      runsOf([{ name: `${WF}.a`, type: 'Skipped', phase: 'Omitted', more: { message } }], ['a'])[0]?.stateReason;
    expect(skipped('omitted: depends condition not met')).toBe('upstream-failed');
    expect(skipped("when 'heads == tails' evaluated false")).toBe('condition-false');
  });

  const failures: { more: JsonObject; phase: string; expected: string }[] = [
    { more: { message: 'main: Error (exit code 3)', outputs: { exitCode: '3' } }, phase: 'Failed', expected: 'user' },
    { more: { message: 'Step exceeded its deadline' }, phase: 'Failed', expected: 'timeout' },
    { more: { message: 'pod deleted' }, phase: 'Error', expected: 'platform' },
  ];
  test.each(failures)('a failure $more.message is of class $expected', ({ more, phase, expected }) => {
    const [run] = runsOf([{ name: `${WF}.a`, phase, more }], ['a']);
    expect(run?.failure).toMatchObject({ class: expected, message: more['message'], task_title: 'a' });
  });
});

describe('attempts of earlier rounds', () => {
  const FAILED: Sketch = {
    name: `${WF}.a`,
    phase: 'Failed',
    more: { outputs: { exitCode: '1' }, message: 'exit {{x}}' },
  };
  const KEPT: Sketch = { name: `${WF}.b` };
  const written = writeHistory(runsOf([FAILED, KEPT], ['a', 'b']));
  const spec = { arguments: { parameters: [{ name: 'signalbox-history', value: written }] } };

  test('stand before those that Argo shows, and what it kept is counted once', () => {
    const again: Sketch = { ...FAILED, phase: 'Running', more: { startedAt: '2026-01-31T12:01:00Z' } };
    const [a, b] = runsOf([again, KEPT], ['a', 'b'], spec);
    expect(a?.attempts).toMatchObject([
      { attempt: 1, state: 'FAILED', exitCode: 1, failure: { code: 'task-failed', message: 'exit {{x}}' } },
      { attempt: 2, state: 'RUNNING' },
    ]);
    expect(a?.attempt).toBe(2);
    expect(b?.attempts).toHaveLength(1);
  });

  test('are there while Argo has not begun the task again', () => {
    const [a] = runsOf([KEPT], ['a', 'b'], spec).filter(({ task }) => task === 'a');
    expect(a).toMatchObject({ state: 'PENDING', attempt: 1 });
  });

  test('travel as text in which Argo finds nothing to replace', () => {
    expect(written).toMatch(/^[A-Za-z0-9+/=]+$/);
  });

  test.each([
    '',
    'no base64 {{',
    Buffer.from('[7,{"k":1}]').toString('base64'),
    Buffer.from('[{"k":"a","n":1,"b":"never"}]').toString('base64'),
  ])('are none where %j stands', (value) => {
    expect(readHistory({ arguments: { parameters: [{ name: 'signalbox-history', value }] } }).size).toBe(0);
  });
});

test('names pods as Argo does', () => {
  const workflow = 'sb-2ej2aitn3y4p7wewsyddditbwr-g1';
  expect(podName('sb-uz6wpmgxyznrgjsciiwdlp5vim-g1', 'sb-uz6wpmgxyznrgjsciiwdlp5vim-g1.chatter', 'chatter')).toBe(
    'sb-uz6wpmgxyznrgjsciiwdlp5vim-g1-chatter-2443606213',
  );
  expect(podName(workflow, workflow, 'main')).toBe(workflow);
});

test.each([
  ['7', 7],
  ['{"a":[1]}', { a: [1] }],
  ['plain text', 'plain text'],
  ['', ''],
  ['12345678901234567890', '12345678901234567890'],
  ['1e21', 1e21],
])('the output %j is %j', (text, value) => {
  expect(toValue(text)).toEqual(value);
});
