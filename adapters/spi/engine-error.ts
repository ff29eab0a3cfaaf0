/**
 * Why a call to an engine did not answer the question. Act on the code, never on the message.
 *
 * | code           | did the engine act?         | what follows                                    |
 * |----------------|-----------------------------|-------------------------------------------------|
 * | `unavailable`  | no: nothing was sent, or the engine said "not now" before acting (429, 503) | repeat later, state kept |
 * | `unauthorized` | no                          | repeat later; the engine is shown UNAUTHORIZED  |
 * | `rejected`     | no: a definite refusal      | final, the engine's reason is the user's        |
 * | `not-found`    | no: a positive "no such"    | depends on the verb                             |
 * | `conflict`     | no: somebody else's object  | repeat later                                    |
 * | `unsupported`  | no                          | final                                           |
 * | `timeout`      | nobody knows                | look up by key                                  |
 * | `unknown`      | nobody knows                | look up by key                                  |
 */
export const ENGINE_ERROR_CODES = [
  'unavailable',
  'timeout',
  'rejected',
  'not-found',
  'conflict',
  'unauthorized',
  'unsupported',
  'unknown',
] as const;
export type EngineErrorCode = (typeof ENGINE_ERROR_CODES)[number];

export class EngineError extends Error {
  readonly code: EngineErrorCode;
  /** Seconds the engine asked us to stay away (Retry-After). */
  readonly retryAfterSeconds?: number;

  constructor(code: EngineErrorCode, message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = code;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Whether the engine may have acted although we have no answer. */
export function mayHaveActed(code: EngineErrorCode): boolean {
  return code === 'timeout' || code === 'unknown';
}

/** What a call answers; nothing when the engine says positively that there is no such thing. */
export async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'not-found') return undefined;
    throw error;
  });
}
