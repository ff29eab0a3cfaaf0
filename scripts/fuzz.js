// Hostile requests at the whole API: npm run fuzz -- --help
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endWithUsage, readOptions } from './usage.js';

const USAGE = `Usage: npm run fuzz -- [OPTION ...]

Asks every operation of the OpenAPI document what nobody would, and follows the links between them, with schemathesis (a Python
program) against a service of its own: free port, embedded PostgreSQL, temporary folder.

  --requests N  rounds with one seed after the other, until the service has counted so many requests (10000)
  --seed S      of the first round (1)
  --minutes M   after which it ends in any case (10, and one more for every 1,500 requests)
  --venv DIR    where schemathesis is installed (the PATH)

Exit code 0: nothing was answered 5xx, with an undocumented status or against its schema. 1: something was, or time was up.
2: the arguments are wrong. 3: it could not be tried.
`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 45_000;
const SUMMARY_WITHIN_MS = 30_000;
/** The rest of a run is never smaller than one round of the coverage phase, which is the same whatever is asked for. */
const COVERAGE_REQUESTS = 2_500;
/** Requests of one round for each example of an operation, about. */
const REQUESTS_PER_EXAMPLE = 40;
const EXAMPLES = { min: 5, max: 250 };

const say = (line) => process.stdout.write(`${line}\n`);
const options = fuzzOptions();
const schemathesis = findSchemathesis(options.venv);
const folder = mkdtempSync(join(tmpdir(), 'signalbox-fuzz-'));
const deadline = Date.now() + options.minutes * 60_000;

const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    process.exitCode = 130;
    for (const child of children) child.kill('SIGTERM');
  });
}

let service;
try {
  service = await startService();
  await prepare(service.url);
  process.exitCode ||= await fuzz(service.url);
} catch (error) {
  process.stderr.write(`fuzz: ${error.message}\n`);
  process.exitCode ||= 3;
} finally {
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
}

function fuzzOptions() {
  const { values } = readOptions(USAGE, {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    venv: { type: 'string' },
  });
  const requests = wholeNumber('requests', values.requests, 10_000_000);
  // Slow machines do 25 a second.
  const minutes = wholeNumber('minutes', values.minutes ?? String(10 + Math.ceil(requests / 1_500)), 10_000);
  return { requests, seed: wholeNumber('seed', values.seed, 2 ** 31), minutes, venv: values.venv };
}

function wholeNumber(name, text, max) {
  if (/^\d{1,10}$/.test(text) && Number(text) <= max) return Number(text);
  return endWithUsage(USAGE, `--${name} is a whole number up to ${max}`);
}

function findSchemathesis(venv) {
  const folders = venv === undefined ? (process.env.PATH ?? '').split(delimiter) : [join(venv, 'bin')];
  const found = folders.map((path) => join(path, 'schemathesis')).find((path) => existsSync(path));
  if (found !== undefined) return found;
  process.stderr.write(
    `fuzz: there is no schemathesis ${venv === undefined ? 'on the PATH' : `in ${venv}`}. To install it (Python 3.10 or newer):\n` +
      '  python3 -m venv .venv && .venv/bin/pip install schemathesis && npm run fuzz -- --venv .venv\n',
  );
  process.exit(3);
}

/** The built service on a free port; small, since what is looked for is a wrong answer and not a fast one. */
async function startService() {
  const engines = join(folder, 'engines.yaml');
  writeFileSync(engines, 'engines:\n  - { name: local, kind: local, options: { maxTasks: 2 } }\n');
  const env = {
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: join(folder, 'data'),
    ENGINES_FILE: engines,
    DATABASE_POOL_SIZE: '8',
    // A machine under load is no finding.
    DATABASE_ACQUIRE_TIMEOUT: '30s',
    ENGINE_SLOTS: '4',
    LOG_LEVEL: 'warn',
  };
  const args = [join(root, 'bin', 'signalbox.js'), 'server'];
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const exited = once(child, 'exit');
  let out = '';
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out = (out + text).slice(-100_000)));
  child.stderr.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-100_000)));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await exited;
      clearTimeout(late);
    }
    children.delete(child);
  };
  for (const began = Date.now(); Date.now() - began < READY_WITHIN_MS; await sleep(200)) {
    const url = /listens on (https?:\/\/[^\s)]+)/.exec(out)?.[1];
    const ready = url !== undefined && (await fetch(`${url}/readyz`).catch(() => undefined));
    if (ready && ready.ok) return { url, stop };
    if (child.exitCode !== null) break;
  }
  await stop();
  throw new Error(`the service did not become ready. It said:\n${out}${log}`);
}

/** Something of every kind to be found under small ids: runs that completed, failed, go on, and are paused. */
async function prepare(url) {
  const define = (name, tasks) => `{apiVersion: signalbox/v1, kind: Workflow, name: ${name}, tasks: ${tasks}}`;
  const definitions = [
    define('quick', `{one: {run: 'echo 1'}, two: {run: 'echo 2', needs: [one]}}`),
    define('failing', `{one: {run: 'exit 3'}, two: {run: 'echo 2', needs: [one]}}`),
    define('endless', `{one: {run: 'exec sleep 30'}}`),
  ];
  const labels = [{ key: 'team', value: 'ml' }];
  for (const definition of definitions) {
    const body = { workflow_engine: 'local', definition_format: 'signalbox/v1', definition, labels };
    await post(url, '/v1/workflows', body);
  }
  for (const title of ['quick', 'failing', 'endless', 'endless', 'quick']) {
    await post(url, '/v1/workflow-runs', { workflow: { title }, labels });
  }
  await post(url, '/v1/workflow-runs/4/lifecycle-events', { type: 'PAUSE' });
}

async function post(url, path, body) {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${await answer.text()}`);
}

async function fuzz(url) {
  let findings = 0;
  const total = new Map();
  for (let seed = options.seed; sum(total) < options.requests && process.exitCode === undefined; seed += 1) {
    const rest = options.requests - sum(total);
    const wanted = Math.round((rest - COVERAGE_REQUESTS) / REQUESTS_PER_EXAMPLE);
    const examples = Math.min(Math.max(wanted, EXAMPLES.min), EXAMPLES.max);
    const before = await statuses(url);
    const round = await runSchemathesis(url, seed, examples);
    const answers = difference(await statuses(url), before);
    for (const [status, count] of answers) total.set(status, (total.get(status) ?? 0) + count);
    const broken = [...answers].filter(([status]) => status >= '500').reduce((all, [, count]) => all + count, 0);
    const bad = round.code !== 0 || round.findings > 0 || broken > 0;
    findings += bad ? Math.max(round.findings, broken, 1) : 0;
    say(
      `seed ${seed}: ${sum(answers)} requests, ${broken} answered 5xx, ${round.findings} findings, ` +
        `${round.links} kinds of links followed, ${round.seconds} s`,
    );
    if (bad) say(round.output);
    if (round.late) break;
  }
  const late = sum(total) < options.requests;
  const counted = [...total].sort(([a], [b]) => (a < b ? -1 : 1)).map(([status, count]) => `${status}: ${count}`);
  say(`\nanswers ${counted.join(', ')}`);
  say(`${sum(total)} requests, ${findings} findings${late ? `; ended early, ${options.requests} were asked for` : ''}`);
  return findings > 0 || late ? 1 : 0;
}

/** One round: its exit code, its findings and everything it said. */
async function runSchemathesis(url, seed, examples) {
  const config = join(root, 'scripts', 'fuzz', 'schemathesis.toml');
  const size = ['--max-examples', String(examples), '--seed', String(seed), '--workers', '2'];
  const report = ['--no-color', '--warnings', 'off', '--generation-database', 'none'];
  const args = ['--config-file', config, 'run', `${url}/openapi.json`, ...size, ...report];
  const began = Date.now();
  const child = spawn(schemathesis, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-1_000_000)));
  }
  // Interrupted, it still says what it found.
  const timer = setTimeout(() => child.kill('SIGINT'), Math.max(0, deadline - Date.now()));
  const killer = setTimeout(() => child.kill('SIGKILL'), Math.max(0, deadline - Date.now()) + SUMMARY_WITHIN_MS);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  clearTimeout(killer);
  children.delete(child);
  const findings = Number(/(\d+) unique failures?/.exec(output)?.[1] ?? 0);
  const links = /API Links:\s+(\d+) covered/.exec(output)?.[1] ?? 'no';
  const seconds = Math.round((Date.now() - began) / 1000);
  const late = Date.now() >= deadline;
  return { code: late ? 0 : (code ?? 1), findings, links, late, output, seconds };
}

/** Answers by status, as the service itself counts them. */
async function statuses(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = new Map();
  for (const [, status, count] of text.matchAll(/^signalbox_http_requests_total\{.*status="(\d+)".*\} (\d+)$/gm)) {
    counts.set(status, (counts.get(status) ?? 0) + Number(count));
  }
  return counts;
}

function difference(after, before) {
  return new Map([...after].map(([status, count]) => [status, count - (before.get(status) ?? 0)]));
}

function sum(counts) {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}
