/** Requests at a given rate whether or not they are answered: what clients do that do not know of each other. */
import { connect, type Socket } from 'node:net';
import { percentile } from './figure.js';

export interface OpenLoadJob {
  url: string;
  /** Whole requests as HTTP text, sent in turn; `{n}` becomes a number that no other request has. */
  requests: string[];
  /** Requests a second. */
  perSecond: number;
  /** Connections at most: requests that find none free are not sent. */
  connections: number;
  durationMs: number;
}

export interface OpenLoadResult {
  sent: number;
  /** Due, and no connection was free. */
  unsent: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** Refusals (429, 503) that do not say when to repeat. */
  withoutRetryAfter: number;
  /** Sent, and the connection ended before the answer. */
  unanswered: number;
  /** 2xx a second. */
  goodPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Location of every 201. */
  locations: number;
}

const TICK_MS = 2;
const SETTLE_MS = 20_000;

/** `take` gives the next request. Resolves once all are answered, or 20 seconds after the last was sent. */
export async function openLoad(job: OpenLoadJob, take: () => string): Promise<OpenLoadResult> {
  const result: OpenLoadResult = {
    sent: 0,
    unsent: 0,
    statuses: {},
    withoutRetryAfter: 0,
    unanswered: 0,
    goodPerSecond: 0,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    locations: 0,
  };
  const good: number[] = [];
  const idle: Line[] = [];
  let lines = 0;
  let open = 0;
  const onAnswer = (line: Line, head: string, ms: number): void => {
    open -= 1;
    const status = head.slice(9, 12);
    result.statuses[status] = (result.statuses[status] ?? 0) + 1;
    if (status.startsWith('2')) good.push(ms);
    if (/^location: /im.test(head)) result.locations += 1;
    if ((status === '429' || status === '503') && !/^retry-after: \d/im.test(head)) result.withoutRetryAfter += 1;
    if (/^connection: close/im.test(head)) line.close();
    else idle.push(line);
  };
  const onEnd = (line: Line, asked: boolean): void => {
    lines -= 1;
    const at = idle.indexOf(line);
    if (at >= 0) idle.splice(at, 1);
    if (!asked) return;
    open -= 1;
    result.unanswered += 1;
  };
  const sendOne = (): void => {
    let line = idle.pop();
    if (!line) {
      if (lines >= job.connections) {
        result.unsent += 1;
        return;
      }
      lines += 1;
      line = new Line(job.url, onAnswer, onEnd);
    }
    open += 1;
    result.sent += 1;
    line.send(take());
  };
  const began = performance.now();
  let due = 0;
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const elapsed = Math.min(performance.now() - began, job.durationMs);
      for (; due < (elapsed / 1000) * job.perSecond; due++) sendOne();
      if (elapsed < job.durationMs) setTimeout(tick, TICK_MS);
      else resolve();
    };
    tick();
  });
  result.goodPerSecond = (good.length * 1000) / job.durationMs;
  for (const end = performance.now() + SETTLE_MS; open > 0 && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  result.unanswered += open;
  for (const line of idle) line.close();
  return { ...result, p50Ms: percentile(good, 0.5), p99Ms: percentile(good, 0.99) };
}

/** A connection: one request at a time. */
class Line {
  private readonly socket: Socket;
  private sentAt = 0;
  private asked = false;
  private text = '';

  constructor(
    url: string,
    private readonly onAnswer: (line: Line, head: string, ms: number) => void,
    onEnd: (line: Line, asked: boolean) => void,
  ) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => this.read(text));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => onEnd(this, this.asked));
  }

  send(request: string): void {
    this.asked = true;
    this.text = '';
    this.sentAt = performance.now();
    this.socket.write(request);
  }

  close(): void {
    this.socket.destroy();
  }

  private read(text: string): void {
    this.text += text;
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0 || !this.asked) return;
    const head = this.text.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.text.length < end + 4 + length) return;
    this.asked = false;
    this.onAnswer(this, head, performance.now() - this.sentAt);
  }
}
