import { readFile } from 'node:fs/promises';
import { EngineError } from '../spi/engine-error.js';

/** Tokens of service accounts are exchanged long before they end. */
const READ_AGAIN_AFTER_MS = 10_000;

/** The token of now: a file is read again and again, since what stands in it is rotated. */
export function bearerFrom(source: {
  token?: string | undefined;
  tokenFile?: string | undefined;
}): () => Promise<string | undefined> {
  const { token, tokenFile } = source;
  if (tokenFile === undefined) return async () => token;
  let held = { token: '', readAt: -Infinity };
  return async () => {
    if (performance.now() - held.readAt < READ_AGAIN_AFTER_MS) return held.token;
    try {
      held = { token: (await readFile(tokenFile, 'utf8')).trim(), readAt: performance.now() };
    } catch (cause) {
      throw new EngineError('unauthorized', 'the file with the token cannot be read', { cause });
    }
    return held.token;
  };
}
