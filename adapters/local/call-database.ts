import type { CallContext } from '../spi/engine-adapter.js';
import type { EngineErrorCode } from '../spi/engine-error.js';
import { EngineError } from '../spi/engine-error.js';

/**
 * Runs `work` until the call's signal ends it. An error that is not an `EngineError` is the database's and becomes one
 * with `code`: `unavailable` where nothing was asked to change, `unknown` where a change may have been committed.
 */
export async function callDatabase<T>(
  ctx: CallContext,
  code: Extract<EngineErrorCode, 'unavailable' | 'unknown'>,
  work: () => Promise<T>,
): Promise<T> {
  const late = (): EngineError => new EngineError('timeout', 'The local engine did not answer in time.');
  if (ctx.signal.aborted) throw late();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(late());
  });
  ctx.signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([aborted, work()]);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(code, 'The database of the local engine did not answer.', { cause: error });
  } finally {
    ctx.signal.removeEventListener('abort', abort);
  }
}
