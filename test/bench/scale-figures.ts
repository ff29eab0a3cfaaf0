/** What a page of runs costs when the record is ten thousand times as long, and what the worst selectors cost then. */
import pg from 'pg';
import { MAX_CANDIDATES } from '../../src/labels/label-selector-sql.js';
import { parseLabelSelector } from '../../src/labels/label-selector.js';
import type { Database, Db, Statement } from '../../src/platform/database.js';
import { listRuns } from '../../src/workflow-runs/runs-store.js';
import { startBenchDatabase, type BenchDatabase } from './bench-database.js';
import { startProduct, type Started } from './child-process.js';
import { median, type Figure } from './figure.js';
import { STALE_AFTER_MS } from './floor-statements.js';
import { Load, request } from './load.js';
import { MachineProbe } from './machine-probe.js';
import { seedScale } from './seed-scale.js';

const FEW = 1_000;

const LISTS = {
  list: { query: '', goal: 1.3 },
  state: { query: '&state=COMPLETED', goal: 1.3 },
  label: { query: `&label_selector=${encodeURIComponent('team=team-1')}`, goal: 3 },
} as const;

/** Nearly every run is a candidate and none matches, or the labels' runs never meet. */
const ADVERSARIAL = [
  'half=even,half=odd',
  'age=old,age=new',
  'half in (even,odd),age=old,age=new',
  '!team',
  'team!=team-0,team!=team-1,team!=team-2,team!=team-3,team!=team-4',
  'team notin (team-0,team-1,team-2,team-3,team-4),half,age',
  'nobody,half',
  'team in (team-0,team-1,team-2,team-3,team-4),half!=even,half!=odd',
];

/** Until a statement that comes again is kept, and its connection has settled on a plan. */
const WARM_ROUNDS = 6;

export interface ScaleOptions {
  runs: number;
  rounds: number;
  roundMs: number;
  dataDir: string;
}

/** `emit` takes each figure, as often as it wants to. */
export async function scaleFigures(
  { runs, rounds, roundMs, dataDir }: ScaleOptions,
  emit: (take: () => Promise<Figure[]>) => Promise<void>,
): Promise<void> {
  const began = performance.now();
  const many = await startBenchDatabase({ fill: (database) => seedScale(database, runs) });
  const seedSeconds = Math.round((performance.now() - began) / 1000);
  const few = await startBenchDatabase({ fill: (database) => seedScale(database, FEW) });
  const load = Load.start();
  const servers: Started[] = [];
  try {
    const start = async (own: BenchDatabase): Promise<Started> => {
      const started = await startProduct('api', { DATABASE_URL: own.url, DATA_DIR: dataDir });
      servers.push(started);
      return started;
    };
    const products = { many: await start(many), few: await start(few) };
    const roots = [many.pid, few.pid];
    for (const [name, { query, goal }] of Object.entries(LISTS)) {
      await emit(async () => {
        const probe = new MachineProbe(roots);
        const { value, floor } = await compareLatency(load, products, query, rounds, roundMs);
        const details = { runs, floor_runs: FEW, seed_seconds: seedSeconds };
        const ratio = value / floor;
        const figure = { figure: `scale ${name}`, unit: 'ms', value, floor, ratio, details, machine: probe.report() };
        return [{ ...figure, goal: { of: 'ratio', at: 'most', is: goal } }];
      });
    }
    await emit(() => selectorFigures(many.database, rounds, roots, runs));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await load.stop();
    await many.stop();
    await few.stop();
  }
}

/** One request at a time, by turns; medians of the rounds' medians. */
async function compareLatency(
  load: Load,
  products: { many: Started; few: Started },
  query: string,
  rounds: number,
  roundMs: number,
): Promise<{ value: number; floor: number }> {
  const requests = [request('GET', `/v1/workflow-runs?limit=50${query}`)];
  const p50 = async (url: string): Promise<number> =>
    (await load.run({ url, requests, status: 200, connections: 1, durationMs: roundMs })).p50Ms;
  const many: number[] = [];
  const few: number[] = [];
  // The first round warms.
  for (let round = 0; round <= rounds; round++) {
    many.push(await p50(products.many.url));
    few.push(await p50(products.few.url));
  }
  return { value: median(many.slice(1)), floor: median(few.slice(1)) };
}

/** The slowest of the selectors, planning and execution as the database says, and the most candidates one of them took. */
async function selectorFigures(database: Database, rounds: number, roots: number[], runs: number): Promise<Figure[]> {
  const probe = new MachineProbe(roots);
  const pages: SelectorPage[] = [];
  for (const selector of ADVERSARIAL) pages.push(await measurePage(database, selector, rounds));
  const machine = probe.report();
  const slowest = (figure: string, of: (page: SelectorPage) => number): Figure => ({
    figure,
    unit: 'ms',
    value: Math.max(...pages.map(of)),
    goal: { of: 'value', at: 'most', is: 5 },
    details: { runs, pages: pages.map((page) => [page.selector, Math.round(of(page) * 100) / 100]) },
    machine,
  });
  return [
    slowest('scale selectors', (page) => page.ms),
    slowest('scale new selectors', (page) => page.newMs),
    {
      figure: 'scale candidates',
      unit: 'runs',
      value: Math.max(...pages.map((page) => page.candidates)),
      goal: { of: 'value', at: 'most', is: MAX_CANDIDATES },
      details: { pages: pages.map(({ selector, candidates }) => [selector, candidates]) },
      machine,
    },
  ];
}

interface SelectorPage {
  selector: string;
  /** Of a page that comes again and again. */
  ms: number;
  /** Of one that came for the first times, and was planned for it. */
  newMs: number;
  candidates: number;
}

/** On one connection, since each has plans of its own. */
async function measurePage(database: Database, selector: string, rounds: number): Promise<SelectorPage> {
  const statement = await pageStatement(selector);
  return database.transaction(async (db) => {
    const page = statement.name === undefined ? statement : await prepare(db, statement);
    const taken = [];
    for (let round = 0; round < WARM_ROUNDS + rounds; round++) taken.push(await explain(db, page));
    if (page !== statement) await db.query({ text: 'DEALLOCATE page' });
    return {
      selector,
      ms: median(taken.slice(WARM_ROUNDS).map((one) => one.ms)),
      // The very first reads the record from the disk.
      newMs: median(taken.slice(1, WARM_ROUNDS - 1).map((one) => one.ms)),
      candidates: Math.max(...taken.map((one) => one.candidates)),
    };
  });
}

/** The statement of the product for the first page by a selector that has come often enough to be kept, if it ever is. */
async function pageStatement(selector: string): Promise<Statement> {
  const parsed = parseLabelSelector(selector);
  if (!parsed.ok) throw new Error(parsed.message);
  const sent: Statement[] = [];
  const listen: Db = { query: (statement) => (sent.push(statement), Promise.resolve({ rows: [], rowCount: 0 })) };
  for (let time = 0; time < WARM_ROUNDS; time++) {
    await listRuns(listen, {
      project: 'default',
      filters: {},
      terms: parsed.terms,
      orderBy: 'id',
      direction: 'desc',
      limit: 50,
      skip: 0,
      staleAfterMs: STALE_AFTER_MS,
    });
  }
  const last = sent.at(-1);
  if (!last) throw new Error(`no statement for ${selector}`);
  return last;
}

/** In SQL what the protocol does with a statement that has a name: only so can the database explain the plan that it keeps. */
async function prepare(db: Db, { text, values = [] }: Statement): Promise<Statement> {
  await db.query({ text: `PREPARE page AS ${text}` });
  return { text: `EXECUTE page(${values.map(literal).join(', ')})` };
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `ARRAY[${value.map(literal).join(', ')}]`;
  return typeof value === 'number' ? String(value) : pg.escapeLiteral(String(value));
}

interface Plan {
  'Node Type': string;
  'Subplan Name'?: string;
  'Actual Rows': number;
  Plans?: Plan[];
}

async function explain(db: Db, page: Statement): Promise<{ ms: number; candidates: number }> {
  const { rows } = await db.query<{
    'QUERY PLAN': [{ Plan: Plan; 'Planning Time': number; 'Execution Time': number }];
  }>({
    text: `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${page.text}`,
    ...(page.values === undefined ? {} : { values: page.values }),
  });
  const [plan] = rows[0]?.['QUERY PLAN'] ?? [];
  if (!plan) throw new Error(`there is no plan of ${page.text}`);
  return { ms: plan['Planning Time'] + plan['Execution Time'], candidates: candidatesOf(plan.Plan) };
}

function candidatesOf(plan: Plan): number {
  const own = plan['Subplan Name'] === 'CTE candidates' ? plan['Actual Rows'] : 0;
  return Math.max(own, ...(plan.Plans ?? []).map(candidatesOf));
}
