import { expect } from '@jest/globals';
import type { LogPage } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { EngineErrorCode } from '../spi/engine-error.js';
import type { ExecutionRef, PresentExecution, TaskRunFacts } from '../spi/facts.js';
import { BROKEN_SHAPES } from './broken-shapes.js';
import type { BrokenShape } from './broken-shapes.js';
import type { WireWorld } from './conformance-case.js';
import type { Harness, Verb } from './harness.js';

/** Codes of an outcome nobody knows: what a mutating call must say when its answer was lost. */
export const NOBODY_KNOWS: EngineErrorCode[] = ['timeout', 'unknown'];

/** The call must fail, with an EngineError of one of these codes. Answers it. */
export async function expectEngineError(call: Promise<unknown>, ...codes: EngineErrorCode[]): Promise<EngineError> {
  const outcome = await call.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  if ('answer' in outcome) {
    throw new Error(`expected EngineError ${codes.join(' or ')}, got the answer ${JSON.stringify(outcome.answer)}`);
  }
  expect(outcome.error).toBeInstanceOf(EngineError);
  expect(codes).toContain((outcome.error as EngineError).code);
  return outcome.error as EngineError;
}

/** Runs `check` once for every broken answer to `verb`; a failure names the shape. */
export async function forEachShape(
  world: WireWorld,
  verb: Verb,
  check: (shape: BrokenShape) => Promise<void>,
  except: BrokenShape[] = [],
): Promise<void> {
  for (const shape of BROKEN_SHAPES.filter((one) => !except.includes(one))) {
    try {
      await check(shape);
    } catch (error) {
      throw new Error(`with an answer of the shape ${shape}: ${(error as Error).message}`, { cause: error });
    } finally {
      await world.wire.heal();
    }
  }
}

/** The call ends with `timeout` soon after its time is over, although the engine keeps silent. */
export async function expectDeadlineKept(world: WireWorld, verb: Verb, call: () => Promise<unknown>): Promise<void> {
  await world.wire.break(verb, { fault: 'late' });
  const began = Date.now();
  await expectEngineError(call(), 'timeout');
  expect(Date.now() - began).toBeLessThan(DEADLINE_MS + 2_000);
}

/** What cases of kept deadlines give their calls. */
export const DEADLINE_MS = 200;

export function taskRun(facts: PresentExecution, task: string, mapIndex?: number): TaskRunFacts {
  const found = facts.taskRuns?.find(
    (run) => run.task === task && (mapIndex === undefined || run.mapIndex === mapIndex),
  );
  if (!found) throw new Error(`no task run ${task}; there are ${facts.taskRuns?.map((run) => run.task).join(', ')}`);
  return found;
}

/** `task: state` of every task run, in the order of their titles. */
export function taskStates(facts: PresentExecution): Record<string, string> {
  const pairs = (facts.taskRuns ?? []).map((run): [string, string] => [run.task, run.state]);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export async function textOf(page: LogPage): Promise<string> {
  const chunks: Uint8Array[] = [];
  // Copied: a chunk holds until the next one is asked for.
  for await (const chunk of page.chunks) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** What tasks printed of a page: without the lines that the engine itself wrote. */
export async function printedOf(harness: Harness, page: LogPage): Promise<string> {
  const text = await textOf(page);
  return harness.printedLines?.(text) ?? text;
}

/** Waits for `what`; fails after `milliseconds`. */
export async function within<T>(milliseconds: number, what: string, event: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([event, late]).finally(() => clearTimeout(timer));
}

/** The baseline of a run that has ended; an engine that retries must give one. */
export function baselineOf(facts: PresentExecution): string {
  if (facts.baseline === undefined) throw new Error('an engine that retries reports a baseline');
  return facts.baseline;
}

/** The same run for calls after a retry that may have made a new execution. */
export function refAfter(ref: ExecutionRef, retried: { externalId?: string; engineUid?: string }): ExecutionRef {
  return {
    ...ref,
    ...(retried.externalId === undefined ? {} : { externalId: retried.externalId }),
    ...(retried.engineUid === undefined ? {} : { engineUid: retried.engineUid }),
  };
}
