/** Sends requests over plain sockets, as many connections as told, each the next one when the last was answered. */
import { connect, type Socket } from 'node:net';
import { percentile } from './figure.js';
import type { LoadJob, LoadResult } from './load.js';

let unique = 0;

process.on('message', (job: LoadJob) => {
  void work(job).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

async function work(job: LoadJob): Promise<LoadResult> {
  const latencies: number[] = [];
  const began = performance.now();
  const end = began + job.durationMs;
  let next = 0;
  let bytes = 0;
  const take = (): string => (job.requests[next++ % job.requests.length] ?? '').replace('{n}', String(++unique));
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
