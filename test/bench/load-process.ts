/** Sends requests over plain sockets, as many connections as told, each the next one when the last was answered. */
import { connect, type Socket } from 'node:net';
import { percentile } from './figure.js';
import type { LoadJob, LoadResult } from './load.js';
import { openLoad, type OpenLoadJob, type OpenLoadResult } from './open-load.js';

/** Of this process: a key is of one load and one request. */
let unique = Date.now() * 1000;

process.on('message', (job: LoadJob | OpenLoadJob) => {
  void work(job).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

function work(job: LoadJob | OpenLoadJob): Promise<LoadResult | OpenLoadResult> {
  let next = 0;
  const take = (): string => (job.requests[next++ % job.requests.length] ?? '').replace('{n}', String(++unique));
  return 'perSecond' in job ? openLoad(job, take) : closedLoad(job, take);
}

/** The next request of a connection is sent when its last one was answered. */
async function closedLoad(job: LoadJob, take: () => string): Promise<LoadResult> {
  const latencies: number[] = [];
  const began = performance.now();
  const end = began + job.durationMs;
  let bytes = 0;
  await Promise.all(
    Array.from({ length: job.connections }, () =>
      converse(job, take, end, (ms, size) => {
        latencies.push(ms);
        bytes += size;
      }),
    ),
  );
  const seconds = (performance.now() - began) / 1000;
  return {
    answers: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    bytes,
  };
}

function converse(
  job: LoadJob,
  take: () => string,
  end: number,
  answered: (ms: number, bytes: number) => void,
): Promise<void> {
  const { hostname, port } = new URL(job.url);
  const expected = `HTTP/1.1 ${job.status} `;
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let sentAt = 0;
    let head = '';
    /** Bytes of the body still to come; undefined while the head is read. */
    let missing: number | undefined;
    let size = 0;
    const send = (): void => {
      if (performance.now() >= end) {
        socket.end();
        resolve();
        return;
      }
      sentAt = performance.now();
      head = '';
      missing = undefined;
      size = 0;
      socket.write(take());
    };
    const refuse = (why: string): void => {
      socket.destroy();
      reject(new Error(why));
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (missing === undefined) {
        head += chunk.toString('latin1');
        const headEnd = head.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        if (!head.startsWith(expected)) return refuse(`not ${job.status}: ${head.slice(0, 2000)}`);
        const length = /content-length: (\d+)/i.exec(head.slice(0, headEnd))?.[1];
        if (length === undefined) return refuse('an answer without Content-Length');
        missing = Number(length) - (head.length - headEnd - 4);
      } else {
        missing -= chunk.length;
      }
      if (missing > 0) return;
      answered(performance.now() - sentAt, size);
      send();
    });
  });
}
