/** Reading a long log page after page over HTTP; the floor pipes the same bytes from the file. */
import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { Agent, createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PARTS } from '../../adapters/local/attempt-folder.js';
import { until } from '../support/until.js';
import { startBenchDatabase } from './bench-database.js';
import { startProduct } from './child-process.js';
import { median, type Figure } from './figure.js';
import { MachineProbe, residentBytes } from './machine-probe.js';

const PAGE_BYTES = 8 * 1024 * 1024;
const MEGABYTE = 1_000_000;

export async function logsFigures(rounds: number, megabytes: number, dataDir: string): Promise<Figure[]> {
  const own = await startBenchDatabase();
  const product = await startProduct('server', { DATABASE_URL: own.url, DATA_DIR: dataDir });
  const agent = new Agent({ keepAlive: true });
  try {
    const taskRun = await runOneTask(product.url);
    const file = await findLog(dataDir);
    await fill(file, megabytes * MEGABYTE);
    const floor = await serveFile(file);
    const first = `/v1/task-runs/${taskRun}/logs?limit=${PAGE_BYTES}`;
    await readPages(product.url, first, agent, 4);
    const before = residentBytes(product.pid) ?? Number.NaN;
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentBytes(product.pid) ?? 0)), 50);
    const probe = new MachineProbe([own.pid]);
    const a: number[] = [];
    const b: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        a.push(await readPages(product.url, first, agent));
        b.push(await readPages(floor.url, '/', agent));
      }
    } finally {
      clearInterval(watch);
      floor.close();
    }
    const machine = probe.report();
    const value = median(a);
    return [
      {
        figure: 'logs',
        unit: 'MB/s',
        value,
        floor: median(b),
        ratio: value / median(b),
        goal: { of: 'value', at: 'least', is: 100 },
        details: {
          megabytes,
          page_bytes: PAGE_BYTES,
          rounds: a.map((one, index) => [Math.round(one), Math.round(b[index] ?? 0)]),
        },
        machine,
      },
      {
        figure: 'logs memory',
        unit: 'MB more',
        value: (most - before) / MEGABYTE,
        goal: { of: 'value', at: 'most', is: 30 },
        details: { before_mb: Math.round(before / MEGABYTE) },
        machine,
      },
    ];
  } finally {
    agent.destroy();
    await product.stop();
    await own.stop();
  }
}

async function runOneTask(url: string): Promise<number> {
  const definition = {
    apiVersion: 'signalbox/v1',
    kind: 'Workflow',
    name: 'long-log',
    tasks: { only: { run: 'echo begun' } },
  };
  const headers = { 'content-type': 'application/json' };
  const post = async (path: string, body: object): Promise<{ id: number }> => {
    const response = await fetch(`${url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as { id: number };
  };
  await post('/workflows', {
    title: 'long-log',
    workflow_engine: 'local',
    definition_format: 'signalbox/v1',
    definition: JSON.stringify(definition),
  });
  const { id } = await post('/workflow-runs', { workflow: { title: 'long-log' } });
  await until(
    async () => (await (await fetch(`${url}/v1/workflow-runs/${id}`)).json()) as { state: string },
    (run) => run.state === 'COMPLETED',
  );
  const { items } = (await (await fetch(`${url}/v1/workflow-runs/${id}/task-runs`)).json()) as {
    items: { id: number }[];
  };
  return items[0]?.id ?? 0;
}

async function findLog(dataDir: string): Promise<string> {
  const found = (await readdir(dataDir, { recursive: true, withFileTypes: true })).find(
    (entry) => entry.isFile() && entry.name === PARTS.log,
  );
  if (!found) throw new Error('the task left no log');
  return join(found.parentPath, found.name);
}

/** Lines of 100 bytes, as a task would have printed them. */
async function fill(path: string, bytes: number): Promise<void> {
  const block = Buffer.from(`${'a line of a log '.repeat(6)}end\n`.repeat(10_000));
  const file = await open(path, 'a');
  try {
    for (let written = 0; written < bytes; written += block.length) await file.write(block);
  } finally {
    await file.close();
  }
}

/** Bytes a second, in millions, from `path` on as the `Link` headers lead. */
async function readPages(url: string, path: string, agent: Agent, pages = Infinity): Promise<number> {
  const began = performance.now();
  let bytes = 0;
  let next: string | undefined = path;
  for (let page = 0; next !== undefined && page < pages; page++) {
    const answer: { headers: IncomingHttpHeaders; bytes: number } = await read(new URL(next, url), agent);
    bytes += answer.bytes;
    next = /<([^>]+)>; rel="next"/.exec(String(answer.headers['link'] ?? ''))?.[1];
  }
  return bytes / MEGABYTE / ((performance.now() - began) / 1000);
}

function read(url: URL, agent: Agent): Promise<{ headers: IncomingHttpHeaders; bytes: number }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: { accept: 'text/plain' } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200
          ? resolve({ headers: response.headers, bytes })
          : reject(new Error(`a page was answered ${response.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function serveFile(path: string): Promise<{ url: string; close(): void }> {
  const server = createServer((_, response) => void createReadStream(path).pipe(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
