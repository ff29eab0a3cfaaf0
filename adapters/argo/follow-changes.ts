import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArgoAccess } from './argo-access.js';

const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Tells the names of workflows as they change, and watches again whenever the watch ends: argo-server and proxies end it at
 * will, and every new one begins with all workflows there are. Answers how to stop it.
 */
export function followChanges(
  access: ArgoAccess,
  selector: string,
  listener: (key: string) => void,
  closing: AbortSignal,
): () => void {
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, closing]);
  void follow();
  return () => stopping.abort();

  async function follow(): Promise<void> {
    let pauseMs = SHORTEST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        for await (const name of access.changes(selector, { signal, traceparent: traceparent() })) {
          if (signal.aborted) return;
          pauseMs = SHORTEST_PAUSE_MS;
          listener(name);
        }
      } catch {
        // Whatever ended it: a lost hint costs only time, and the health check tells whether the engine is there.
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }
}

/** A watch belongs to no request: its trace is its own. */
function traceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`;
}
