import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { readConfig } from '../../src/read-config.js';
import { Drain } from '../../src/platform/drain.js';
import { Readiness } from '../../src/platform/health/readiness.js';
import { makeHttp } from '../../src/platform/http/make-http.js';
import { RouteTable } from '../../src/platform/http/route-table.js';
import { Log } from '../../src/platform/log.js';
import { Metrics } from '../../src/platform/metrics.js';
import { PlatformModule } from '../../src/platform/platform.module.js';
import type { Database } from '../../src/platform/database.js';

export interface ProbeApp {
  url: string;
  port: number;
  drain: Drain;
  lines: string[];
  close(): Promise<void>;
}

/** The HTTP platform with controllers of the test's own: what holds for every operation, whatever operations there are. */
export async function startProbeApp(
  database: Database,
  controllers: Type[],
  env: Record<string, string> = {},
): Promise<ProbeApp> {
  @Module({})
  class ProbeModule {}
  const lines: string[] = [];
  const config = readConfig(env, process.cwd());
  const drain = new Drain();
  const parts = {
    config,
    database,
    log: new Log({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } }),
    metrics: new Metrics(),
    drain,
    readiness: new Readiness(database, drain, () => Promise.resolve([])),
    routes: new RouteTable(),
  };
  const module: DynamicModule = { module: ProbeModule, imports: [PlatformModule.of(parts)], controllers };
  const nest = await makeHttp(module, parts);
  await nest.listen(0, '127.0.0.1');
  const url = await nest.getUrl();
  return { url, port: Number(new URL(url).port), drain, lines, close: () => nest.close() };
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** A request with bytes and headers exactly as given, which `fetch` would not send. */
export function rawRequest(
  url: string,
  options: { method?: string; headers?: Record<string, string | string[]>; body?: Buffer | string } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      url,
      { method: options.method ?? 'GET', headers: options.headers ?? {}, agent: new Agent() },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

/** Writes bytes to a socket and resolves with everything that comes back until it is closed. */
export function rawSocket(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}
