/** What the runs of a chaos do, and how they have to end. */
import type { RunState } from '../../src/lifecycle/run-state.js';
import type { ScriptedTask } from '../support/scripted-engine/scripted-workflow.js';

/** Names of the engines. */
export type ChaosEngine = 'se' | 'local';

export interface Story {
  title: string;
  /** Of a hundred runs. */
  share: number;
  /** On the scripted engine. */
  tasks: ScriptedTask[];
  /** On the local engine: shell text of each task. */
  scripts: Record<string, { needs?: string[]; run: string }>;
  /** What its client asks for after it was created. */
  then?: 'cancel' | 'retry';
  /** State and generation it may end in. */
  ends: { state: RunState; generation: number }[];
}

const completed = { state: 'COMPLETED', generation: 1 } as const;
const failed = { state: 'FAILED', generation: 1 } as const;
const cancelled = { state: 'CANCELLED', generation: 1 } as const;

const DIAMOND = { top: [], left: ['top'], right: ['top'], bottom: ['left', 'right'] };

export const STORIES: readonly Story[] = [
  {
    title: 'at-once',
    share: 50,
    tasks: [{ id: 'only' }],
    scripts: { only: { run: ':' } },
    ends: [completed],
  },
  {
    title: 'diamond',
    share: 10,
    tasks: Object.entries(DIAMOND).map(([id, needs]) => ({ id, needs, duration_ms: 100 })),
    scripts: Object.fromEntries(Object.entries(DIAMOND).map(([id, needs]) => [id, { needs, run: 'sleep 0.1' }])),
    ends: [completed],
  },
  {
    title: 'slow',
    share: 10,
    tasks: [{ id: 'only', duration_ms: 2_000 }],
    scripts: { only: { run: 'sleep 2' } },
    ends: [completed],
  },
  {
    title: 'failing',
    share: 8,
    tasks: [{ id: 'only', failing_attempts: 1_000 }],
    scripts: { only: { run: 'exit 1' } },
    ends: [failed],
  },
  {
    title: 'retried',
    share: 8,
    tasks: [{ id: 'first' }, { id: 'second', needs: ['first'], failing_attempts: 1 }],
    scripts: { first: { run: ':' }, second: { needs: ['first'], run: '[ "$SIGNALBOX_ATTEMPT" -gt 1 ]' } },
    then: 'retry',
    ends: [{ state: 'COMPLETED', generation: 2 }],
  },
  {
    // Ends by its cancel or not at all.
    title: 'held',
    share: 8,
    tasks: [{ id: 'only', duration_ms: 'hold' }],
    scripts: { only: { run: 'sleep 100000' } },
    then: 'cancel',
    ends: [cancelled],
  },
  {
    title: 'raced',
    share: 6,
    tasks: [{ id: 'only', duration_ms: 400 }],
    scripts: { only: { run: 'sleep 0.4' } },
    then: 'cancel',
    ends: [completed, cancelled],
  },
];

/** `drawn` is from 0 to 1. */
export function drawStory(drawn: number): Story {
  let left = drawn * STORIES.reduce((sum, { share }) => sum + share, 0);
  for (const story of STORIES) {
    left -= story.share;
    if (left < 0) return story;
  }
  throw new Error(`nothing was drawn by ${drawn}`);
}

/** Of the workflow that a story is on an engine. */
export function titleOn(story: Story, engine: ChaosEngine): string {
  return engine === 'se' ? story.title : `${story.title}-local`;
}

/** Body of the request that stores a story's workflow on an engine. */
export function workflowOf(story: Story, engine: ChaosEngine): object {
  if (engine === 'se') {
    const definition = JSON.stringify({ tasks: story.tasks });
    return { title: story.title, workflow_engine: 'se', definition_format: 'native', definition };
  }
  const begin = 'echo begin "$SIGNALBOX_RUN_ID" "$SIGNALBOX_TASK" "$SIGNALBOX_ATTEMPT" 0 >> "$JOURNAL"';
  const tasks = Object.entries(story.scripts).map(([id, { needs = [], run }]) => [
    id,
    { needs, run: `${begin}\n${run}`, retry: { max: 0 } },
  ]);
  const definition = JSON.stringify({
    apiVersion: 'signalbox/v1',
    kind: 'Workflow',
    name: titleOn(story, 'local'),
    params: { journal: { type: 'string' } },
    env: { JOURNAL: '${{ params.journal }}' },
    tasks: Object.fromEntries(tasks) as object,
  });
  return { workflow_engine: 'local', definition_format: 'signalbox/v1', definition };
}
