/** Keys the engine pushes as executions change; connects again, with growing pauses, for as long as somebody listens. */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScriptedEngineClient } from './scripted-engine-client.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const NO_TRACE = '00-00000000000000000000000000000000-0000000000000000-00';

/** Answers the function that ends it. Never throws: a lost hint only makes a look-up later. */
export function followHints(
  client: ScriptedEngineClient,
  listener: (key: string) => void,
  ended: AbortSignal,
): () => void {
  const stopping = new AbortController();
  void follow(client, listener, AbortSignal.any([stopping.signal, ended]));
  return () => stopping.abort();
}

async function follow(
  client: ScriptedEngineClient,
  listener: (key: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const { body } = await client.stream('/hints', { signal, traceparent: NO_TRACE });
      pause = FIRST_PAUSE_MS;
      const lines = createInterface({ input: body });
      // readline does not pass an error of its input on to the loop.
      body.once('error', () => lines.close());
      for await (const line of lines) listener(line);
    } catch {
      // Down or refused: the next connection tells.
    }
    await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}
