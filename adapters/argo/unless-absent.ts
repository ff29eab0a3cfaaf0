import { EngineError } from '../spi/engine-error.js';

/** What the call answers; nothing when the engine says that there is no such thing. */
export async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'not-found') return undefined;
    throw error;
  });
}
