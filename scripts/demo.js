// `npm run demo`: the whole of Signalbox in one go. Starts the service on a database of its own below DATA_DIR
// (.signalbox), registers examples/etl, runs it, shows it live, and stops the service again. Exit code 0 if the run completed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const signalbox = join(root, 'bin', 'signalbox.js');
const dataDir = process.env.DATA_DIR || join(root, '.signalbox');
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 45_000;

const say = (line) => process.stderr.write(`${line}\n`);
const fail = (message, exitCode) => Object.assign(new Error(message), { exitCode });

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => (stopping = true));

let service;
try {
  service = await startService();
  process.exitCode = await demonstrate(service.url);
} catch (error) {
  say(stopping ? 'Interrupted.' : `demo: ${error.message}`);
  process.exitCode = stopping ? 130 : (error.exitCode ?? 3);
} finally {
  await service?.stop();
}

/** The service as a process of its own on a free port, or the one that already runs on this data directory. */
async function startService() {
  say(`Starting Signalbox with its own PostgreSQL (data in ${dataDir}) ...`);
  const env = { LOG_LEVEL: 'warn', ...process.env, DATA_DIR: dataDir, PORT: process.env.PORT || '0' };
  // A demo leaves a database and engines that somebody works with alone.
  for (const name of ['DATABASE_URL', 'DATABASE_URL_FILE', 'ENGINES_FILE']) delete env[name];
  const child = spawn(process.execPath, [signalbox, 'server'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out = (out + text).slice(-10_000)));
  child.stderr.setEncoding('utf8').on('data', (text) => (err = (err + text).slice(-10_000)));
  const stop = () => stopService(child, exited);

  let code;
  void exited.then((value) => (code = value));
  const began = Date.now();
  for (let told = 0; ;) {
    const url = /listens on (https?:\/\/\S+)/.exec(out)?.[1];
    if (url !== undefined && (await isReady(url))) {
      say(`Ready after ${((Date.now() - began) / 1000).toFixed(1)} s on ${url}`);
      return { url, stop, own: true };
    }
    if (code !== undefined) return useRunningService(code, err);
    if (stopping || Date.now() - began > READY_WITHIN_MS) {
      await stop();
      throw fail(`the service was not ready within ${READY_WITHIN_MS / 1000} s. It said:\n${err}`, 3);
    }
    const seconds = Math.floor((Date.now() - began) / 5000) * 5;
    if (seconds > told) say(`  ... ${(told = seconds)} s`);
    await sleep(200);
  }
}

/** `npm start` may hold the folder already: then its service is as good as ours, and stays. */
async function useRunningService(code, err) {
  const sentence = err.trim() || `the service ended with ${code}`;
  if (!/data directory .* is in use/.test(sentence)) throw fail(sentence, code === 78 ? 78 : 3);
  const url = `http://127.0.0.1:${process.env.PORT || 8380}`;
  if (!(await isReady(url)))
    throw fail(`${sentence}\nIt does not answer on ${url}; set PORT if it listens elsewhere.`, 3);
  say(`A Signalbox already runs on this data directory: using it, on ${url}`);
  return { url, stop: async () => say('It goes on running.'), own: false };
}

async function isReady(url) {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function demonstrate(url) {
  const example = join(root, 'examples', 'etl');
  say(`\n$ signalbox workflows create examples/etl/workflow.yaml`);
  const workflow = await data(url, ['workflows', 'create', join(example, 'workflow.yaml')]);
  say(`Registered ${workflow.title} version ${workflow.version}.`);

  const source = join(example, 'data');
  say(`\n$ signalbox runs start ${workflow.title} --version ${workflow.version} -p source="$PWD/examples/etl/data"`);
  const start = ['runs', 'start', workflow.title, '--version', String(workflow.version), '-p', `source=${source}`];
  const { id } = await data(url, start);

  say(`\n$ signalbox runs watch ${id}`);
  await client(url, ['runs', 'watch', String(id)], 'inherit');

  const run = await data(url, ['runs', 'get', String(id), '--tasks']);
  const last = (run.task_runs ?? [])
    .filter((taskRun) => taskRun.started_at && taskRun.finished_at)
    .sort((a, b) => a.finished_at.localeCompare(b.finished_at))
    .at(-1);
  if (last !== undefined) {
    say(`\n$ signalbox runs logs ${id} ${last.task_title} | tail -n 5`);
    const { out } = await client(url, ['runs', 'logs', String(id), last.task_title], 'pipe');
    process.stdout.write(`${out.trimEnd().split('\n').slice(-5).join('\n')}\n`);
  }

  process.stdout.write(`\nRun ${id} of ${workflow.title}: ${run.state}\n`);
  if (run.failure) process.stdout.write(`  ${run.failure.message}\n`);
  for (const [name, value] of Object.entries(run.outputs ?? {})) {
    process.stdout.write(`  ${name} = ${JSON.stringify(value)}\n`);
  }
  process.stdout.write(`\nThe API page: ${url}/docs${service.own ? ' (until the demo ends)' : ''}\n`);
  if (service.own) say('`npm start` leaves the service running, then on http://127.0.0.1:8380/docs');
  return run.state === 'COMPLETED' ? 0 : 1;
}

/** A client command's data. */
async function data(url, args) {
  const { code, out } = await client(url, [...args, '--json'], 'pipe');
  if (code !== 0) throw fail(`"signalbox ${args.join(' ')}" ended with ${code}`, code);
  return JSON.parse(out);
}

async function client(url, args, stdout) {
  const env = { ...process.env, SIGNALBOX_URL: url };
  const quiet = args.includes('--json');
  const child = spawn(process.execPath, [signalbox, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', stdout, quiet ? 'pipe' : 'inherit'],
  });
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text) => (err += text));
  const [code] = await once(child, 'close');
  if (stopping) throw fail('interrupted', 130);
  if (code !== 0) process.stderr.write(err);
  return { code: code ?? 1, out };
}

async function stopService(child, exited) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  say('Stopping the service ...');
  child.kill('SIGTERM');
  const late = setTimeout(() => {
    say('It does not stop: killing it.');
    child.kill('SIGKILL');
  }, STOP_WITHIN_MS);
  await exited;
  clearTimeout(late);
}
