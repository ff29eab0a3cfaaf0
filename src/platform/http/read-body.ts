import type { IncomingMessage } from 'node:http';
import { Problem } from '../problem.js';

/** Room for an ordinary request; a larger body doubles it. */
const FIRST_BYTES = 4096;

/**
 * The bytes of a request's body. Chunks are copied as they come: kept one by one, a body sent in chunks of one byte would
 * take hundreds of times its size. Throws `body-too-large` as soon as that is certain, `malformed-body` for one that ends
 * early.
 */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length']);
  if (announced > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return new Promise((resolve, reject) => {
    let buffer = Buffer.allocUnsafe(Math.min(announced || FIRST_BYTES, limitBytes));
    let length = 0;
    const end = (error?: Error): void => {
      request.off('data', take).off('end', end).off('error', end).off('close', end);
      if (error instanceof Problem) reject(error);
      else if (error === undefined && request.complete) resolve(buffer.subarray(0, length));
      else reject(new Problem('malformed-body', { detail: 'The body ended early.', cause: error }));
    };
    const take = (chunk: Buffer): void => {
      if (length + chunk.length > limitBytes) return end(tooLarge(limitBytes));
      if (length + chunk.length > buffer.length) {
        const larger = Buffer.allocUnsafe(Math.min(Math.max(buffer.length * 2, length + chunk.length), limitBytes));
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      length += chunk.copy(buffer, length);
    };
    request.on('data', take).on('end', end).on('error', end).on('close', end);
  });
}

function tooLarge(limitBytes: number): Problem {
  return new Problem('body-too-large', { detail: `A body may have at most ${limitBytes / 1024 / 1024} MiB.` });
}
