import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ApiClient, path } from './api-client.js';
import type { Workflow, WorkflowRun } from './api-types.js';
import { CliError } from './cli-error.js';
import type { Session } from './cli.js';
import { inFile } from './definition-refused.js';
import { EXIT, exitCodeOfState, type ExitCode } from './exit-codes.js';
import { failureText } from './failure-text.js';
import { formatSpan } from './format-time.js';
import { GracefulStop } from './graceful-stop.js';
import { showRun } from './live-view.js';
import { logTail } from './log-reader.js';
import type { ReadDefinition } from './read-definition.js';
import { taskRunName } from './run-view.js';
import { safeJson, safeLine } from './safe-text.js';
import { renderFields } from './table.js';

export interface OfflineRun {
  file: string;
  definition: ReadDefinition;
  parameters: Record<string, unknown>;
  /** Leave the temporary folder, and say where it is. */
  keep: boolean;
}

interface Service {
  url: string;
  close(): Promise<void>;
}

const FORCED_CLOSE_MS = 5_000;
const TAIL_LINES = 20;

/**
 * Runs a definition with a whole service of its own in a temporary folder. Ctrl-C cancels the run and waits for its end;
 * a second one stops waiting. Returns the exit code of the run; throws `CliError`.
 */
export async function runOffline(session: Session, work: OfflineRun): Promise<ExitCode> {
  const { terminal } = session;
  const stop = new GracefulStop();
  stop.listen();
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-run-'));
  let service: Service | undefined;
  const progress = { started: false, ended: false };
  try {
    terminal.talk('Starting a service of its own in a temporary folder ...');
    stop.onAsk(() => terminal.talk('Stopping.'));
    service = await start(folder);
    if (stop.asked) return EXIT.interrupted;
    return await execute(session, work, service, stop, progress);
  } catch (error) {
    if (stop.forced.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    await close(service, stop);
    if (work.keep) terminal.talk(`Everything of the run is in ${folder}`);
    else if (progress.started && !progress.ended) {
      // The processes that guard the tasks need it until these have ended; without it they could not end them.
      terminal.talk(`Tasks may still be ending; the temporary folder stays: ${folder}`);
    } else await remove(folder).catch(() => terminal.talk(`The temporary folder could not be removed: ${folder}`));
    stop.dispose();
  }
}

async function start(folder: string): Promise<Service> {
  const { startEmbedded } = await import('../main.js');
  try {
    return await startEmbedded({ dataDir: folder, quiet: true });
  } catch (cause) {
    const { toRefusal } = await import('../start-refused.js');
    const why = toRefusal(cause, undefined)?.message ?? (cause instanceof Error ? cause.message : String(cause));
    throw new CliError(`The service could not be started: ${why}`, { exitCode: EXIT.infrastructure, cause });
  }
}

async function execute(
  session: Session,
  work: OfflineRun,
  service: Service,
  stop: GracefulStop,
  progress: { started: boolean; ended: boolean },
): Promise<ExitCode> {
  const { terminal } = session;
  const api = new ApiClient({ url: service.url, project: undefined, signal: stop.forced });
  const { body: workflow } = await api
    .write<Workflow>('POST', path('workflows'), {
      body: { workflow_engine: 'local', definition_format: 'signalbox/v1', definition: work.definition.text },
    })
    .catch((error: unknown) => inFile(error, work.file));
  progress.started = true;
  const { body: run } = await api.write<WorkflowRun>('POST', path('workflow-runs'), {
    body: { workflow: { title: workflow.title, version: workflow.version }, parameters: work.parameters },
  });
  stop.onAsk(() => {
    terminal.talk('Cancelling the run; Ctrl-C again stops without waiting for it.');
    const body = { type: 'CANCEL', reason: 'Ctrl-C' };
    api
      .write('POST', path('workflow-runs', run.id, 'lifecycle-events'), { body })
      .catch((error: unknown) => terminal.talk(`The cancel failed: ${(error as Error).message}`));
  });
  const ended = await showRun(api, run.id, {
    stream: terminal.stderr,
    paint: terminal.paintTalk,
    inPlace: terminal.canRedraw(terminal.stderr),
    json: false,
  });
  progress.ended = true;
  await tellFailures(session, api, ended);
  if (terminal.json) terminal.document(ended);
  else terminal.data(summary(ended, session));
  return exitCodeOfState(ended.state);
}

/** The last lines of every task that failed: the folder is about to go. */
async function tellFailures({ terminal }: Session, api: ApiClient, run: WorkflowRun): Promise<void> {
  for (const taskRun of run.task_runs ?? []) {
    if (taskRun.state !== 'FAILED') continue;
    const lines = await logTail(api, taskRun.id, TAIL_LINES).catch(() => []);
    if (lines.length === 0) continue;
    terminal.talk(terminal.paintTalk('dim', `Last lines of ${safeLine(taskRunName(taskRun))}:`));
    for (const line of lines) terminal.talk(`  ${safeLine(line)}`);
  }
}

function summary(run: WorkflowRun, { terminal }: Session): string {
  const outputs = Object.entries(run.outputs ?? {}).map(([name, value]): [string, string] => [name, safeJson(value)]);
  return renderFields(
    [
      ['state', run.state],
      ['failure', run.failure && failureText(run.failure)],
      ['duration', formatSpan(run.started_at, run.finished_at, new Date())],
      ...outputs,
    ],
    terminal.paint,
  );
}

async function close(service: Service | undefined, stop: GracefulStop): Promise<void> {
  if (service === undefined) return;
  const closing = service.close();
  const forced = new Promise<void>((done) => {
    const give = (): void => void setTimeout(done, FORCED_CLOSE_MS).unref();
    if (stop.forced.aborted) give();
    else stop.forced.addEventListener('abort', give, { once: true });
  });
  await Promise.race([closing, forced]);
}

/** As root the database may live outside the folder, where its account can reach it: a file in the folder says where. */
async function remove(folder: string): Promise<void> {
  const location = await readFile(join(folder, 'postgres.location'), 'utf8').catch(() => '');
  const outside = location === '' ? undefined : dirname(resolve(location.trim()));
  if (outside !== undefined && dirname(outside) === '/var/lib/signalbox')
    await rm(outside, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
