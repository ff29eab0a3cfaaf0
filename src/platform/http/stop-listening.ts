import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds in which whoever comes is still told that the service is stopping, and goes elsewhere. */
const TELLING_MS = 250;
/** Milliseconds for which a moment without a new connection is waited for. */
const PATIENCE_MS = 1_000;
/** Milliseconds within which a connection that was just accepted sends its request. */
const ARRIVING_MS = 100;

/**
 * Takes no more connections, without cutting any: the system resets what it has queued when nobody listens any more, so that
 * listening ends right after a turn of the loop in which nothing was queued; and Node's own close ends a connection whose
 * request is still on its way, so that those that are there are left alone for a moment.
 */
export async function stopListening(server: Server): Promise<void> {
  if (!server.listening) return;
  await sleep(TELLING_MS);
  let arrived = 0;
  const count = (): void => void (arrived += 1);
  server.on('connection', count);
  const end = performance.now() + PATIENCE_MS;
  do {
    arrived = 0;
    // The first of them may be the end of a turn that looked for connections long ago.
    await nextTurn();
    await nextTurn();
  } while (arrived > 0 && performance.now() < end);
  TcpServer.prototype.close.call(server);
  server.off('connection', count);
  await sleep(ARRIVING_MS);
}
