import type { StreamMessage } from './event-stream.js';
import type { RunTailer } from './run-tailer.js';

/** The events of a run after `seq` as stream messages, until the final one; the id of a message is its `seq`. */
export async function* followEvents(
  tailer: RunTailer,
  runId: number,
  seq: number,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  let at = seq;
  for (;;) {
    const news = await tailer.next(runId, at, signal);
    if (!news) return;
    for (const event of news.events) {
      yield { id: String(event.seq), data: event.json };
      at = event.seq;
    }
    if (news.ended) return;
  }
}
