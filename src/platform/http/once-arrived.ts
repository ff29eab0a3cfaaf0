import type { IncomingMessage } from 'node:http';

/** Milliseconds that the rest of a request is waited for. */
const PATIENCE_MS = 1_000;

/**
 * Calls `answer` when the request has arrived whole, its body thrown away: a connection that ends with bytes unread is reset,
 * and the client may never see the answer that was sent before.
 */
export function onceArrived(request: IncomingMessage, answer: () => void): void {
  let answered = false;
  const once = (): void => {
    if (answered) return;
    answered = true;
    clearTimeout(late);
    answer();
  };
  const late = setTimeout(once, PATIENCE_MS);
  request.once('end', once).once('close', once).resume();
}
