import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** What a handler answers with to send lent chunks: no stream, because Nest would read one itself, and ahead. */
export class LentChunks {
  readonly #chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks;
  }

  /** With the connection they go, too: an answer that waits for another one on it is not told of its end. */
  send(reply: FastifyReply): FastifyReply {
    const body = new LentBody(this.#chunks);
    const { socket } = reply.request.raw;
    const letGo = (): unknown => body.destroy();
    socket.once('close', letGo);
    body.once('close', () => socket.off('close', letGo));
    return reply.send(body);
  }
}

/**
 * A body of chunks that are lent: each holds until the next one is asked for. Streams read ahead, and what waits for a slow
 * client would be overwritten; this one, piped as Fastify does, asks for a chunk once the one before is with the kernel. Read
 * in any other way it gives copies.
 */
class LentBody extends Readable {
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    super();
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options: { end?: boolean } = {}): T {
    if (options.end !== false) this.once('end', () => destination.end());
    this.#handOver(destination).catch((error: unknown) => this.destroy(error as Error));
    return destination;
  }

  override _read(): void {
    this.#chunks.next().then(
      (next) => this.push(next.done === true ? null : Buffer.from(next.value)),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  /** Lets the chunks go, whoever left: what they hold open is closed. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    Promise.resolve(this.#chunks.return?.()).then(
      () => callback(error),
      (late: unknown) => callback(error ?? (late as Error)),
    );
  }

  async #handOver(destination: NodeJS.WritableStream): Promise<void> {
    for (;;) {
      const next = await this.#chunks.next();
      if (this.destroyed) return;
      if (next.done === true) break;
      await written(destination, next.value);
    }
    // Nothing was pushed: the end alone is read, and tells whoever waits for it.
    this.push(null);
    this.resume();
  }
}

/** Until the chunk was given to the kernel, which has its own copy from then on. */
function written(destination: NodeJS.WritableStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    destination.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
