import { EngineError } from '../spi/engine-error.js';

/** Undefined for a positive not-found. */
export async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'not-found') return undefined;
    throw error;
  });
}
