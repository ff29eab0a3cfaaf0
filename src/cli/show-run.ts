import { hasEnded, type WorkflowRun } from './api-types.js';
import { path } from './api-client.js';
import type { Session } from './cli.js';
import { failureText } from './failure-text.js';
import { formatSpan, formatTime } from './format-time.js';
import { showRun as showLive } from './live-view.js';
import type { Paint } from './paint.js';
import { safeJson } from './safe-text.js';
import { renderFields } from './table.js';

/** A run as lines of names and values. */
export function runFields(run: WorkflowRun, paint: Paint): string {
  const actions = run.allowed_actions.filter(({ available }) => available).map(({ action }) => action.toLowerCase());
  return renderFields(
    [
      ['id', run.id],
      ['workflow', `${run.workflow.title} v${run.workflow.version}`],
      ['engine', run.workflow_engine],
      ['state', run.state],
      ['reason', run.state_reason],
      ['failure', run.failure && `${failureText(run.failure)} (${run.failure.class}, ${run.failure.code})`],
      ['stale', run.stale ? (run.stale_cause ?? 'the engine was not asked just now') : undefined],
      ['generation', run.generation > 1 ? run.generation : undefined],
      ['labels', run.labels.map(({ key, value }) => `${key}=${value}`).join(' ')],
      ...values('parameter', run.parameters),
      ...values('output', run.outputs),
      ['external id', run.external_id],
      ['engine url', run.engine_url],
      ['created', formatTime(run.created_at)],
      ['started', formatTime(run.started_at)],
      ['finished', formatTime(run.finished_at)],
      ['duration', formatSpan(run.started_at, run.finished_at, new Date())],
      ['possible', actions.join(', ')],
    ],
    paint,
  );
}

/**
 * Shows a run until it ends and returns it. The view is data when the command is about it (`watch`), else talk beside
 * the command's own result.
 */
export async function watchRun(session: Session, id: number, as: 'data' | 'talk'): Promise<WorkflowRun> {
  const { terminal, api } = session;
  const stream = as === 'data' ? terminal.stdout : terminal.stderr;
  return showLive(api, id, {
    stream,
    paint: as === 'data' ? terminal.paint : terminal.paintTalk,
    inPlace: terminal.canRedraw(stream),
    json: terminal.json && as === 'data',
  });
}

/** Waits without showing anything. */
export async function waitForRun(session: Session, id: number): Promise<WorkflowRun> {
  for (;;) {
    const run = await session.api.get<WorkflowRun>(path('workflow-runs', id, 'wait'), {
      query: { until: 'final', timeout: 60 },
      timeoutMs: 75_000,
      patienceMs: 120_000,
    });
    if (hasEnded(run.state)) return run;
  }
}

function values(kind: string, record: Record<string, unknown> | undefined | null): [string, string][] {
  return Object.entries(record ?? {}).map(([name, value]) => [`${kind} ${name}`, safeJson(value)]);
}
