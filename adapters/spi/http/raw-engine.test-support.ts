/** An engine of plain sockets: it answers `/healthy`, and says to `/broken` whatever bytes a test has it say. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** Writes an answer. `silent` is called where the rest never comes. */
export type Answer = (socket: Socket, silent: () => void) => void;

export interface RawEngine {
  url: string;
  /** Of every request, in the order of their arrival. */
  readonly paths: readonly string[];
  /** Made since the start. */
  readonly connections: number;
  /** From now on `/broken` is answered so. */
  plays(answer: Answer, silent: () => void): void;
  close(): Promise<void>;
}

export async function startRawEngine(): Promise<RawEngine> {
  const paths: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let play: (socket: Socket) => void = (socket) => socket.destroy();
  const server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    socket.once('close', () => sockets.delete(socket));
    // The client ends connections as it likes.
    socket.on('error', () => undefined);
    let asked = '';
    socket.on('data', (bytes) => {
      asked += bytes.toString('latin1');
      if (!asked.includes('\r\n\r\n')) return;
      const path = asked.split(' ')[1] ?? '';
      asked = '';
      paths.push(path);
      if (path === '/broken') play(socket);
      else socket.write(HEALTHY_ANSWER);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    get connections() {
      return connections;
    },
    plays: (answer, silent) => (play = (socket) => answer(socket, silent)),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export function head(status: string, ...headers: string[]): string {
  return [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n');
}

const CHUNKED = 'transfer-encoding: chunked';
const CHUNK = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
const PACKED = gzipSync(Buffer.from(Array.from({ length: 4_096 }, (_, at) => at * 7_919).join()));
const PACKED_HEAD = head('200 OK', 'content-encoding: gzip', `content-length: ${PACKED.length}`);
const HALF_PACKED = PACKED.subarray(0, PACKED.length / 2);
const HEALTHY_ANSWER = `${head('200 OK', 'content-length: 11')}{"ok":true}`;
/** After the deadline of a call that was told of silence. */
const LATE_MS = 150;

/** Ways to answer badly, and the code of a call that wanted the whole of such an answer. */
export const BROKEN_ANSWERS: [shape: string, code: string, answer: Answer][] = [
  ['a whole answer that is no JSON', 'unknown', says(head('200 OK', 'content-length: 6'), 'a page')],
  ['a page for people', 'unknown', says(head('200 OK', 'content-type: text/html', 'content-length: 6'), '<html>')],
  ['no byte of body', 'unknown', says(head('200 OK', 'content-length: 0'))],
  ['nothing at all', 'timeout', saysAndWaits()],
  ['half of its headers', 'timeout', saysAndWaits('HTTP/1.1 200 OK\r\ncontent-le')],
  ['headers, then silence', 'timeout', saysAndWaits(head('200 OK', 'content-length: 99'))],
  ['half a body, then silence', 'timeout', saysAndWaits(head('200 OK', 'content-length: 99'), 'half')],
  ['chunks, then silence', 'timeout', saysAndWaits(head('200 OK', CHUNKED), CHUNK)],
  ['a packed body, which nobody asked for', 'unknown', says(PACKED_HEAD, PACKED)],
  ['half a packed body, then silence', 'timeout', saysAndWaits(PACKED_HEAD, HALF_PACKED)],
  ['the answer after the deadline', 'timeout', saysLate(HEALTHY_ANSWER)],
  ['half a body, then a reset', 'unknown', saysAndResets(head('200 OK', 'content-length: 99'), 'half')],
  ['half a body, then the end', 'unknown', saysAndEnds(head('200 OK', 'content-length: 99'), 'half')],
  ['chunks, then the end', 'unknown', saysAndEnds(head('200 OK', CHUNKED), CHUNK)],
  ['half a packed body, then the end', 'unknown', saysAndEnds(PACKED_HEAD, HALF_PACKED)],
  ['a packed body that is not packed', 'unknown', says(PACKED_HEAD, 'x'.repeat(PACKED.length))],
  ['more than its length', 'unknown', says(head('200 OK', 'content-length: 4'), 'half and more')],
  ['a chunk of no length', 'unknown', says(head('200 OK', CHUNKED), 'no length\r\nx')],
  ['another protocol', 'unknown', says('220 ready when you are\r\n')],
  ['a change of protocol', 'unknown', saysAndWaits(head('101 Other', 'upgrade: other', 'connection: upgrade'))],
  ['a body without end', 'unknown', saysForEver(head('200 OK', CHUNKED))],
  ['a refusal', 'unknown', says(head('500 Broken', 'content-length: 6'), 'broken')],
  ['a refusal, then silence', 'timeout', saysAndWaits(head('500 Broken', 'content-length: 99'), 'half')],
  ['a refusal, then a reset', 'unknown', saysAndResets(head('500 Broken', 'content-length: 99'), 'half')],
  ['a refusal without end', 'unknown', saysForEver(head('500 Broken', CHUNKED))],
  ['a redirect', 'unknown', says(head('302 Found', 'location: /healthy', 'content-length: 5'), 'there')],
];

function says(...parts: (string | Uint8Array)[]): Answer {
  return (socket) => parts.forEach((part) => socket.write(part));
}

function saysAndWaits(...parts: (string | Uint8Array)[]): Answer {
  return (socket, silent) => {
    says(...parts)(socket, silent);
    silent();
  };
}

function saysLate(answer: string): Answer {
  return (socket, silent) => {
    silent();
    setTimeout(() => socket.write(answer), LATE_MS);
  };
}

/** The client has the bytes before the connection goes. */
function saysAndResets(...parts: (string | Uint8Array)[]): Answer {
  return (socket, silent) => {
    says(...parts)(socket, silent);
    setTimeout(() => socket.resetAndDestroy(), LATE_MS / 3);
  };
}

function saysAndEnds(...parts: (string | Uint8Array)[]): Answer {
  return (socket, silent) => {
    says(...parts)(socket, silent);
    socket.end();
  };
}

function saysForEver(first: string): Answer {
  return (socket) => {
    socket.write(first);
    const more = (): void => {
      if (!socket.destroyed) socket.write(CHUNK, () => setImmediate(more));
    };
    more();
  };
}
