/** The REST API on a record of 100,000 runs, each request beside a bare server that sends the same statements. */
import { compare } from './against-floor.js';
import { startBenchDatabase } from './bench-database.js';
import { startEntry, startProduct } from './child-process.js';
import type { Figure } from './figure.js';
import { LIST_PATH, LISTS_BY_SELECTOR } from './floor-statements.js';
import { Load, request } from './load.js';
import { residentBytes } from './machine-probe.js';
import { seedRuns, seedWorkflow, TITLE } from './seed-runs.js';

const RUNS = 100_000;
/** More than there are connections: who asks for the same page at the same moment would share it, and little be measured. */
const PAGES = 64;

/** A run with parameters, labels and a key of its own. */
export const POST_REQUEST = request('POST', '/v1/workflow-runs', { 'idempotency-key': 'bench-{n}' }, postBody());

const REQUESTS = {
  get: {
    goal: 0.85,
    status: 200,
    // Spread over the table, so that no single row is read all the time.
    requests: Array.from({ length: 1000 }, (_, index) =>
      request('GET', `/v1/workflow-runs/${1 + ((index * 7919) % RUNS)}`),
    ),
  },
  list: { goal: 1.5, status: 200, pages: 'state=COMPLETED' },
  selector: {
    goal: 0.95,
    status: 200,
    // Alike for the database, and no two who ask at once ask the same.
    requests: [...LISTS_BY_SELECTOR.keys()].map((path) => request('GET', path)),
  },
  // The last: each of its runs has the same labels, and whoever looks for others finds a thousand of these first.
  post: {
    goal: 0.8,
    status: 201,
    requests: [POST_REQUEST],
  },
} as const;

export type RecordFigure = keyof typeof REQUESTS;
export const RECORD_FIGURES = Object.keys(REQUESTS) as RecordFigure[];

export interface RecordOptions {
  rounds: number;
  roundMs: number;
  dataDir: string;
}

/** `emit` takes each figure, as often as it wants to. */
export async function recordFigures(
  wanted: readonly RecordFigure[],
  { rounds, roundMs, dataDir }: RecordOptions,
  emit: (take: () => Promise<Figure[]>) => Promise<void>,
): Promise<void> {
  if (wanted.length === 0) return;
  const own = await startBenchDatabase();
  const load = Load.start();
  try {
    await seedRuns(own.database, await seedWorkflow(own.database), RUNS);
    const env = { DATABASE_URL: own.url, DATA_DIR: dataDir };
    const product = await startProduct('api', env);
    const floor = await startEntry('./floor-process.ts', env);
    try {
      for (const figure of wanted) {
        const one = REQUESTS[figure];
        const { goal, status } = one;
        const requests = 'pages' in one ? await pagesOf(product.url, one.pages) : [...one.requests];
        await emit(async () => {
          const common = { product, floor, load, rounds, roundMs, roots: [own.pid] };
          const compared = await compare({ figure, goal, status, requests, ...common });
          const memory = { rss_mb: megabytes(product.pid), floor_rss_mb: megabytes(floor.pid) };
          return [{ ...compared, details: { ...compared.details, ...memory } }];
        });
      }
    } finally {
      await product.stop();
      await floor.stop();
    }
  } finally {
    await load.stop();
    await own.stop();
  }
}

/** Requests of one page after the other, as `Link` leads; the floor answers all of them with the first. */
async function pagesOf(url: string, filter: string): Promise<string[]> {
  const requests: string[] = [];
  let path: string | undefined = `${LIST_PATH}&${filter}`;
  while (path !== undefined && requests.length < PAGES) {
    requests.push(request('GET', path));
    const { headers } = await fetch(new URL(path, url));
    path = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  }
  return requests;
}

function megabytes(pid: number): number | undefined {
  const bytes = residentBytes(pid);
  return bytes === undefined ? undefined : Math.round(bytes / 1e6);
}

function postBody(): object {
  return {
    workflow: { title: TITLE },
    parameters: { dataset: 's3://bucket/part-1', limit: 3 },
    labels: [
      { key: 'team', value: 'team-1' },
      { key: 'stage', value: 'stage-2' },
    ],
  };
}
