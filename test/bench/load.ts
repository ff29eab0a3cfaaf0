/** The load of a benchmark, made by a process of its own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { ended, forkEntry } from './child-process.js';
import type { OpenLoadJob, OpenLoadResult } from './open-load.js';

export interface LoadJob {
  url: string;
  /** Whole requests as HTTP text, sent in turn; `{n}` becomes a number that no other request has. */
  requests: string[];
  connections: number;
  durationMs: number;
  /** Status of every answer; any other ends the job. */
  status: number;
}

export interface LoadResult {
  answers: number;
  /** Answers a second. */
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  bytes: number;
}

export class Load {
  private constructor(private readonly child: ChildProcess) {}

  static start(): Load {
    return new Load(forkEntry('./load-process.ts'));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Throws when an answer is not as expected. */
  run(job: LoadJob): Promise<LoadResult> {
    return this.ask<LoadResult>(job);
  }

  /** Counts every answer, whatever it is. */
  runOpen(job: OpenLoadJob): Promise<OpenLoadResult> {
    return this.ask<OpenLoadResult>(job);
  }

  stop(): Promise<void> {
    return ended(this.child);
  }

  private async ask<T extends object>(job: LoadJob | OpenLoadJob): Promise<T> {
    this.child.send(job);
    const [answer] = (await once(this.child, 'message')) as [T | { error: string }];
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }
}

/** A request as HTTP text. */
export function request(method: string, path: string, headers: Record<string, string> = {}, body?: unknown): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries({
    host: 'localhost',
    ...headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(text.length) }),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}
