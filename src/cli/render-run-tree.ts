import type { TaskAttempt, TaskRun } from './api-types.js';
import { failureText } from './failure-text.js';
import { formatSpan } from './format-time.js';
import { lookOfState, type Paint } from './paint.js';
import { overallState, pastAttempts, taskViews, type RunView, type TaskView } from './run-view.js';
import { safeLine } from './safe-text.js';

export interface TreeOptions {
  paint: Paint;
  now: Date;
  /** Longer lines are cut: the view is drawn over itself, so no line may wrap. */
  columns: number;
  /** Less telling lines are left out to stay within it. */
  maxLines: number;
}

interface Node {
  depth: 0 | 1;
  glyph: string;
  name: string;
  state: string;
  span: string;
  notes: string[];
  /** The least telling lines go first when there are too many. */
  weight: 'active' | 'task' | 'detail';
}

/** A run as a tree: its tasks in order, below them their items and earlier attempts. Lines without line feeds. */
export function renderRunTree(view: RunView, options: TreeOptions): string[] {
  const all = taskViews(view).flatMap((task) => nodesOf(task, options.now));
  const { nodes, hidden } = fit(all, Math.max(1, options.maxLines - 1));
  const nameWidth = Math.max(0, ...nodes.map((node) => node.depth * 3 + node.name.length));
  const stateWidth = Math.max(0, ...nodes.map((node) => node.state.length));
  const lines = nodes.map((node, index) => {
    const colour = lookOfState(node.state).colour;
    const lead = branches(nodes, index);
    const room = options.columns - lead.length - 2;
    const plain = [
      node.name.padEnd(nameWidth - node.depth * 3),
      node.state.padEnd(stateWidth),
      node.span.padStart(6),
      ...node.notes,
    ].join('  ');
    const text = cut(plain, room).trimEnd();
    const stateAt = text.indexOf(node.state, nameWidth - node.depth * 3);
    const painted =
      stateAt < 0
        ? text
        : text.slice(0, stateAt) +
          options.paint(colour, node.state) +
          options.paint('dim', text.slice(stateAt + node.state.length));
    return `${options.paint('dim', lead)}${options.paint(colour, node.glyph)} ${painted}`;
  });
  if (hidden > 0) lines.push(options.paint('dim', cut(`   … and ${hidden} more`, options.columns)));
  return [header(view, options), ...lines];
}

function header({ run, lost }: RunView, { paint, now, columns }: TreeOptions): string {
  const span = formatSpan(run.started_at ?? run.created_at, run.finished_at, now);
  const start = `${safeLine(run.workflow.title)} v${run.workflow.version}  run ${run.id}  `;
  const reason = run.failure ? failureText(run.failure) : run.state_reason;
  const notes = [lost ? 'connection lost, trying again' : undefined, run.stale ? 'stale' : undefined, reason];
  const end = ['', span, ...notes.filter((note) => note !== undefined && note !== null).map(safeLine)].join('  ');
  const room = Math.max(0, columns - start.length - run.state.length);
  return paint('bold', start) + paint(lookOfState(run.state).colour, run.state) + paint('dim', cut(end, room));
}

function nodesOf({ title, after, taskRun, items }: TaskView, now: Date): Node[] {
  const below = items.flatMap((item) => taskRunNodes(1, `[${item.map_index ?? 0}]`, item, now, []));
  const count = items.length === 0 ? [] : [`${items.filter((item) => item.finished_at).length}/${items.length} items`];
  if (taskRun !== undefined) {
    const [own, ...attempts] = taskRunNodes(0, title, taskRun, now, after);
    return own === undefined ? [] : [{ ...own, notes: [...count, ...own.notes] }, ...attempts, ...below];
  }
  if (items.length === 0) {
    const notes = after.length === 0 ? [] : [`after ${after.join(', ')}`];
    return [node({ depth: 0, name: title, state: 'PENDING', span: '', notes })];
  }
  const started = items.flatMap((item) => item.started_at ?? []).sort();
  const finished = items.map((item) => item.finished_at ?? '').sort();
  const span = formatSpan(started[0], finished[0] === '' ? undefined : finished.at(-1), now);
  return [node({ depth: 0, name: title, state: overallState(items), span, notes: count }), ...below];
}

function taskRunNodes(depth: 0 | 1, name: string, taskRun: TaskRun, now: Date, after: string[]): Node[] {
  const notes: string[] = [];
  if (taskRun.attempt > 1) notes.push(`attempt ${taskRun.attempt}`);
  const reason = taskRun.failure?.message ?? taskRun.state_reason;
  if (reason) notes.push(reason);
  else if (taskRun.state === 'PENDING' && after.length > 0) notes.push(`after ${after.join(', ')}`);
  const span = formatSpan(taskRun.started_at, taskRun.finished_at, now);
  const own = node({ depth, name, state: taskRun.state, span, notes });
  if (depth === 1) return [own];
  return [own, ...pastAttempts(taskRun).map((attempt) => attemptNode(attempt, now))];
}

function attemptNode(attempt: TaskAttempt, now: Date): Node {
  const reason = attempt.failure?.message ?? (attempt.exit_code ? `exit code ${attempt.exit_code}` : undefined);
  const span = formatSpan(attempt.started_at, attempt.finished_at, now);
  const made = node({
    depth: 1,
    name: `attempt ${attempt.attempt}`,
    state: attempt.state,
    span,
    notes: reason ? [reason] : [],
  });
  return { ...made, weight: 'detail' };
}

function node(parts: Omit<Node, 'glyph' | 'weight'>): Node {
  const active = ['RUNNING', 'FAILED', 'RETRYING', 'PAUSED', 'CANCELLED'].includes(parts.state);
  return {
    ...parts,
    name: safeLine(parts.name),
    state: safeLine(parts.state),
    notes: parts.notes.map(safeLine),
    glyph: lookOfState(parts.state).glyph,
    weight: active ? 'active' : parts.depth === 0 ? 'task' : 'detail',
  };
}

/** At most `room` nodes, the telling ones, in their order. */
function fit(nodes: Node[], room: number): { nodes: Node[]; hidden: number } {
  if (nodes.length <= room) return { nodes, hidden: 0 };
  const keep = new Set<Node>();
  for (const weight of ['active', 'task', 'detail'] as const) {
    for (const candidate of nodes) {
      if (keep.size < room - 1 && candidate.weight === weight) keep.add(candidate);
    }
  }
  return { nodes: nodes.filter((candidate) => keep.has(candidate)), hidden: nodes.length - keep.size };
}

function branches(nodes: readonly Node[], index: number): string {
  const own = nodes[index];
  const rest = nodes.slice(index + 1);
  const lastTask = !rest.some((other) => other.depth === 0);
  if (own?.depth !== 1) return lastTask ? '└─ ' : '├─ ';
  return `${lastTask ? '   ' : '│  '}${rest[0]?.depth === 1 ? '├─ ' : '└─ '}`;
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
