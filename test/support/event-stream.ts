import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Api, ApiOptions } from './api.js';

const open: EventStream[] = [];

/** An event stream, read in the background. */
export class EventStream {
  readonly messages: EventSourceMessage[] = [];
  readonly ended: Promise<void>;

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {
    this.ended = this.read();
  }

  static async open(client: Api, path: string, options: ApiOptions = {}): Promise<EventStream> {
    const abort = new AbortController();
    const headers = { accept: 'text/event-stream', ...options.headers };
    const response = await client.open('GET', path, undefined, { ...options, headers, signal: abort.signal });
    const stream = new EventStream(response, abort);
    open.push(stream);
    return stream;
  }

  async leave(): Promise<void> {
    this.abort.abort();
    await this.ended;
  }

  private async read(): Promise<void> {
    const parser = createParser({ onEvent: (message) => this.messages.push(message) });
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body ?? []) {
        parser.feed(decoder.decode(chunk, { stream: true }));
      }
    } catch (error) {
      if (!this.abort.signal.aborted) throw error;
    }
  }
}

/** For the end of a test. */
export async function leaveStreams(): Promise<void> {
  await Promise.all(open.splice(0).map((stream) => stream.leave()));
}
