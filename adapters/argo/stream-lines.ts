import type { Readable } from 'node:stream';
import { EngineError } from '../spi/engine-error.js';
import { clientError } from '../spi/http/engine-http.js';

const LINE_FEED = 0x0a;

/** Lines of a stream as they come, without their ends; one longer than `limitBytes` is cut there. Destroys the stream at the end. */
export async function* streamLines(body: Readable, signal: AbortSignal, limitBytes: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  const keep = (part: Buffer): void => {
    const room = part.subarray(0, Math.max(0, limitBytes - size));
    if (room.length > 0) parts.push(room);
    size += room.length;
  };
  const take = (): string => {
    const line = Buffer.concat(parts).toString('utf8');
    parts = [];
    size = 0;
    return line;
  };
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        keep(chunk.subarray(from, end));
        yield take();
        from = end + 1;
      }
      keep(chunk.subarray(from));
    }
    if (size > 0) yield take();
  } catch (error) {
    throw error instanceof EngineError ? error : clientError(error, signal);
  } finally {
    body.destroy();
  }
}
