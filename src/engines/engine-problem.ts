import { EngineError, type EngineErrorCode } from '../../adapters/spi/engine-error.js';
import { Problem } from '../platform/problem.js';
import type { ProblemCode } from '../platform/problem-catalogue.js';

/** What a client is told when a call made for its request fails. */
const PROBLEM_OF: Record<EngineErrorCode, ProblemCode> = {
  unavailable: 'engine-unavailable',
  timeout: 'engine-unavailable',
  unauthorized: 'engine-unavailable',
  unknown: 'engine-unavailable',
  conflict: 'engine-unavailable',
  rejected: 'engine-cannot',
  'not-found': 'engine-cannot',
  unsupported: 'engine-cannot',
};

/** The problem of an engine's error; any other error is thrown as it is. The texts of surprises stay in the log. */
export function engineProblem(error: unknown, engineName: string): Problem {
  if (!(error instanceof EngineError)) throw error;
  const code = PROBLEM_OF[error.code];
  const said = error.code === 'unknown' ? '' : `: ${error.message}`;
  return new Problem(code, {
    detail:
      code === 'engine-cannot'
        ? `The engine ${engineName} refuses${said}`
        : `The engine ${engineName} does not answer (${error.code})${said}`,
    cause: error,
    ...(code === 'engine-unavailable' ? { retryAfterSeconds: Math.ceil(error.retryAfterSeconds ?? 5) } : {}),
  });
}
