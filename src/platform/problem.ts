import { PROBLEMS, type ProblemCode } from './problem-catalogue.js';

/** One thing wrong in a request: a JSON pointer into the body, or the name of a query or header parameter. */
export interface ProblemItem {
  pointer?: string;
  parameter?: string;
  /** Of a definition text, from 1. */
  line?: number;
  code: string;
  message: string;
}

export interface ProblemOptions {
  detail: string;
  errors?: ProblemItem[];
  /** Members beside the standard ones, e.g. `allowed_actions`. */
  extensions?: Record<string, unknown>;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** More than anybody reads; what there are more of is weight. */
const MAX_ERRORS = 200;
const MAX_DETAIL_LENGTH = 2000;

/** An expected failure, by its code. Domain code throws it and never mentions HTTP; one filter turns it into an answer. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors?: ProblemItem[];
  readonly extensions: Record<string, unknown>;
  readonly retryAfterSeconds?: number;

  constructor(code: ProblemCode, options: ProblemOptions) {
    super(clipped(options.detail), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.extensions = options.extensions ?? {};
    if (options.errors) this.errors = options.errors.slice(0, MAX_ERRORS);
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  get title(): string {
    return PROBLEMS[this.code].title;
  }
}

/** What is wrong with one parameter or header of a request. */
export function parameterProblem(parameter: string, code: string, message: string): Problem {
  return new Problem('validation-failed', { detail: message, errors: [{ parameter, code, message }] });
}

function clipped(detail: string): string {
  return detail.length <= MAX_DETAIL_LENGTH ? detail : `${detail.slice(0, MAX_DETAIL_LENGTH)}...`;
}
