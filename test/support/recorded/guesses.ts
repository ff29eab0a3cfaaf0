/**
 * What an adapter may not say of an answer of which one field is missing, null or of another type. It may say that it cannot read
 * the answer, and it may know less than before; it may not know something else.
 *
 * - A call ends with an answer or an `EngineError`, before its time is over. Where the engine had taken a call that changes
 *   something, no error says that nothing was done.
 * - A run that is there is not absent, and one that is absent is not there. It keeps its key and its ids.
 * - Its phase is the recorded one or none. A task run is in the recorded state or in one that is no end; none is made up.
 * - Outputs, parameters, moments, attempts are the recorded ones or missing. No stop is seen where there was none.
 * - A run of ours stays ours: accepted and found do not become a conflict, a conflict does not become accepted.
 * - Lists are the recorded ones or shorter; an epoch, a version and the edges of a graph are the recorded ones.
 *
 * Some places tell so much by themselves that a change of them is another story and no broken one: our mark of a stop (`ownWord`),
 * our marker (`isMarker`), values of users (`isValue`), and definitions and arguments that the engine keeps as they were written
 * (`isWritten`). Of a workflow of Argo that failed without a node it is said that its tasks never began: so it is where Argo could
 * not read it.
 */
import { FINAL_TASK_STATES } from '../../../adapters/spi/facts.js';
import { mayHaveActed } from '../../../adapters/spi/engine-error.js';
import type { Json } from '../../../definition/definition-types.js';
import type { Change } from './json-tree.js';
import type { Exchange, Recording } from './recording.js';
import type { VerbOutcome } from './verb-call.js';

type Fields = Record<string, Json | undefined>;

/** Where the answer was changed. */
export interface ChangedPlace {
  exchange: Exchange;
  /** See `shapeOf`. */
  shape: string;
  change: Change;
}

/** Sentences; none where nothing was guessed. */
export function guessesIn({ call, outcome }: Recording, told: VerbOutcome, changed: ChangedPlace): string[] {
  if ('failed' in told) return wrongFailure(told.failed, changed.exchange);
  if ('failed' in outcome) return [`an answer where there was none: ${brief(told.answered)}`];
  const was = fieldsOf(outcome.answered);
  const is = fieldsOf(told.answered);
  switch (call.verb) {
    case 'observe':
      return wrongFacts(was, is, changed);
    case 'observeMany': {
      const [before, after] = [rowsOf(outcome.answered), rowsOf(told.answered)];
      if (before.length !== after.length) return ['another number of observations'];
      return before.flatMap((one, at) => {
        const now = after[at] ?? {};
        return now['presence'] === 'unread' ? differing(one, now, ['key']) : wrongFacts(one, now, changed);
      });
    }
    case 'submit':
    case 'find':
      if (is['outcome'] === 'conflict' && isMarker(changed)) return [];
      return differing(was, is, ['outcome', 'externalId', 'engineUid']);
    case 'register':
      return is['state'] === 'PENDING' || isMarker(changed) ? [] : differing(was, is, ['state']);
    case 'describe':
      return isWritten(changed) ? [] : wrongRows(was, is, 'tasks', 'title', ['downstream'], true);
    case 'logs':
      // Of a log whose end is not known it is said that it may go on.
      if (is['end'] === true && was['end'] === false) return ['an end that was none'];
      return is['source'] === 'live' ? [] : differing(was, is, ['source']);
    case 'retry':
      // Nothing was sent: the run has to be looked at again.
      return is['outcome'] === 'active-again' ? [] : differing(was, is, ['outcome', 'externalId', 'engineUid']);
    case 'list':
      return wrongRows(was, is, 'executions', 'key', ['externalId', 'createdAt']);
    case 'discover':
      return wrongRows(was, is, 'workflows', 'reference', ['name']);
    case 'listBorn':
      return wrongRows(was, is, 'executions', 'externalId', ['reference', 'engineUid', 'endedAt']);
    case 'validate':
      return errorsIn(is) > errorsIn(was) ? ['an error that was none'] : [];
    case 'ping':
      return differing(was, is, ['version']);
    default:
      return differing({ all: outcome.answered }, { all: told.answered }, ['all']);
  }
}

function wrongFailure(
  code: VerbOutcome extends infer O ? (O extends { failed: infer C } ? C : never) : never,
  exchange: Exchange,
): string[] {
  if (code === 'timeout') return ['it waited for something that never comes'];
  const done = acts(exchange) && exchange.status < 300;
  return done && !mayHaveActed(code) ? [`${code}, although the engine had acted`] : [];
}

/** Whether the call changes something on the engine. */
export function acts({ method, path }: Exchange): boolean {
  return method !== 'GET' && !/\/(list|lint|token)(\?.*)?$/.test(path);
}

function wrongFacts(was: Fields, is: Fields, changed: ChangedPlace): string[] {
  const wrong = differing(was, is, ['presence', 'key', 'externalId']);
  if (was['presence'] !== 'present') return wrong;
  wrong.push(...differingIfThere(was, is, ['engineUid', 'startedAt', 'finishedAt']));
  if (is['phase'] !== undefined && is['phase'] !== was['phase'] && !ownWord(was['phase'], changed)) {
    wrong.push(`the phase ${brief(is['phase'])}, not ${brief(was['phase'])}`);
  }
  if (is['stopEvidence'] === true && was['stopEvidence'] !== true) wrong.push('a stop that was none');
  if (is['failure'] !== undefined && was['failure'] === undefined && is['phase'] === was['phase'])
    wrong.push('a failure that was none');
  wrong.push(...wrongOutputs(was, is, changed));
  const before = rowsOf(was['taskRuns']);
  for (const task of rowsOf(is['taskRuns'])) {
    const same = before.find((one) => one['task'] === task['task'] && one['mapIndex'] === task['mapIndex']);
    const name = `${brief(task['task'])} ${brief(task['mapIndex'])}`;
    if (!same) wrong.push(...(isWritten(changed) ? [] : [`a task run that was none: ${name}`]));
    else wrong.push(...wrongTask(same, task, changed).map((sentence) => `of ${name} ${sentence}`));
  }
  return wrong;
}

function wrongTask(was: Fields, is: Fields, changed: ChangedPlace): string[] {
  if (/^status(\.nodes)?$/.test(changed.shape) && is['state'] === 'SKIPPED') return [];
  // Attempts of earlier rounds are told by an argument alone.
  const wrong = [...wrongState(was, is, changed), ...wrongOutputs(was, is, changed)];
  if (isWritten(changed)) return wrong;
  wrong.push(...differingIfThere(was, is, ['startedAt', 'finishedAt']));
  for (const attempt of rowsOf(is['attempts'])) {
    const same = rowsOf(was['attempts']).find((one) => one['attempt'] === attempt['attempt']);
    if (!same) wrong.push(`an attempt that was none: ${brief(attempt['attempt'])}`);
    else
      wrong.push(
        ...wrongState(same, attempt, changed),
        ...differingIfThere(same, attempt, ['startedAt', 'finishedAt', 'exitCode']),
      );
  }
  return wrong;
}

function wrongState({ state: was }: Fields, { state: is }: Fields, changed: ChangedPlace): string[] {
  const isEnd = (FINAL_TASK_STATES as readonly (Json | undefined)[]).includes(is);
  return isEnd && is !== was && !ownWord(was, changed) ? [`the state ${brief(is)}, not ${brief(was)}`] : [];
}

function wrongOutputs(was: Fields, is: Fields, changed: ChangedPlace): string[] {
  if (isValue(changed)) return [];
  const before = fieldsOf(was['outputs']);
  return Object.entries(fieldsOf(is['outputs'])).flatMap(([name, value]) =>
    JSON.stringify(before[name]) === JSON.stringify(value) ? [] : [`the output ${name} = ${brief(value)}`],
  );
}

/** Each row is one of those before; with `whole` none is missing. */
function wrongRows(was: Fields, is: Fields, list: string, id: string, fields: string[], whole = false): string[] {
  const [before, after] = [rowsOf(was[list]), rowsOf(is[list])];
  if (whole && before.length !== after.length) return ['a part of it'];
  return after.flatMap((row) => {
    const same = before.find((one) => one[id] === row[id]);
    return same ? differingIfThere(same, row, fields) : [`a row that was none: ${brief(row[id])}`];
  });
}

/** Words of their own: our mark of a stop, what holds a run back. Without them the engine's word for the run is all there is. */
function ownWord(was: Json | undefined, { shape }: ChangedPlace): boolean {
  if (was === 'cancelled' || was === 'CANCELLED') return /(^|\.)(note|shutdown|message)$/.test(shape);
  return was === 'paused' && shape.endsWith('spec.suspend');
}

/** The marker, or what it stands in: where it is not whole the run bears another one. */
function isMarker({ shape, change }: ChangedPlace): boolean {
  // A run without any conf: no Signalbox made it.
  if (shape === 'conf') return change === 'null';
  return /__signalbox(\.|$)|^metadata\.(labels|annotations)(\.|$)|^metadata$/.test(shape);
}

/** Values of users: whatever stands there is the value. */
function isValue({ shape, exchange }: ChangedPlace): boolean {
  return (
    (/xcomEntries\//.test(exchange.path) && /^value\b/.test(shape)) || /outputs\.parameters\[\]\.value$/.test(shape)
  );
}

/** A definition, or an argument, that the engine keeps as it was written: what stands there is what was meant. */
function isWritten({ shape }: ChangedPlace): boolean {
  return /^spec(\.|$)|storedWorkflowTemplateSpec\.templates(\.|\[|$)/.test(shape);
}

function errorsIn(answer: Fields): number {
  return rowsOf(answer['diagnostics']).filter(({ severity }) => severity === 'error').length;
}

function differing(was: Fields, is: Fields, names: string[]): string[] {
  return names.flatMap((name) =>
    JSON.stringify(was[name]) === JSON.stringify(is[name])
      ? []
      : [`${name} is ${brief(is[name])}, not ${brief(was[name])}`],
  );
}

function differingIfThere(was: Fields, is: Fields, names: string[]): string[] {
  return differing(
    was,
    is,
    names.filter((name) => is[name] !== undefined),
  );
}

function fieldsOf(value: Json | undefined): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function rowsOf(value: Json | undefined): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function brief(value: Json | undefined): string {
  return JSON.stringify(value ?? null).slice(0, 120);
}
