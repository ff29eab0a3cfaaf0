// Real engines on this machine, for tests and for trying Signalbox on them: npm run engines -- --help
import { open } from 'node:fs/promises';
import { ENGINES_TO_NAME, enginesNamed, loadEngine, unknownEngines } from './engines/lab/known-engines.js';
import { makeLab } from './engines/lab/lab.js';
import { restoreMemory, saveMemory } from './engines/lab/saved-memory.js';
import { endWithUsage, readOptions } from './usage.js';

const USAGE = `Usage: npm run engines -- VERB [ENGINE...] [--service NAME]... [--json]

Real workflow engines on 127.0.0.1. They are installed by package name, pinned, into a folder of their own below the
user's cache folder, and go on running until they are taken down. Argo comes with a Kubernetes node, which needs root,
Debian and Go, installs packages of Debian and makes a network bridge: for a machine that may be thrown away.

  up       installs what is missing, starts the engines and waits until they answer
  down     ends what "up" started; what is installed and the engines' memory stay
  status   which of them run, where, and how Signalbox is told about them
  logs     the last lines of their logs, each under its file

What happens to engines, so that one can see what Signalbox makes of it:
  kill     ends them, or the named services, as a crash would; "up" starts what is missing
  save     keeps a copy of what they know; they are down meanwhile
  restore  puts the copy back, as from a backup; they are down meanwhile

${ENGINES_TO_NAME}`;

const { values, positionals } = readOptions(
  USAGE,
  {
    json: { type: 'boolean', default: false },
    service: { type: 'string', multiple: true, default: [] },
  },
  true,
);
const [verb = '', ...wanted] = positionals;
const verbs = { up, down, status, logs, kill, save, restore };
const complaint = Object.hasOwn(verbs, verb) ? unknownEngines(wanted) : `There is no verb "${verb}".`;
if (complaint !== undefined) endWithUsage(USAGE, complaint);

const failed = [];
const answers = [];
for (const name of enginesNamed(wanted)) {
  const engine = await loadEngine(name);
  const lab = makeLab(name);
  try {
    answers.push({ engine: name, ...(await verbs[verb](engine, lab)) });
  } catch (error) {
    failed.push(name);
    answers.push({ engine: name, error: error.message });
    process.stderr.write(`${name}: ${error.message}\n`);
  }
}
if (values.json) process.stdout.write(`${JSON.stringify(answers, null, 2)}\n`);
process.exit(failed.length > 0 ? 1 : 0);

async function up(engine, lab) {
  const began = performance.now();
  await engine.up(lab);
  lab.say(`is up after ${Math.round((performance.now() - began) / 1000)} s`);
  return status(engine, lab);
}

async function down(engine, lab) {
  await engine.down(lab);
  lab.say('is down');
  return {};
}

async function status(engine, lab) {
  const told = await engine.status(lab);
  if (!values.json) {
    process.stdout.write(`${lab.name}: ${told.state}${told.url === undefined ? '' : `, ${told.url}`}\n`);
    if (told.options !== undefined) {
      process.stdout.write(`  options in ENGINES_FILE: ${JSON.stringify(told.options)}\n`);
      process.stdout.write(`  for tests: export ${told.variable}='${told.endpoint}'\n`);
    }
  }
  return told;
}

async function logs(engine, lab) {
  const files = engine.logs(lab);
  for (const file of values.json ? [] : files) process.stdout.write(`==> ${file}\n${await lastLines(file)}\n`);
  return { files };
}

async function kill(engine, lab) {
  const unknown = values.service.filter((name) => !engine.services.includes(name));
  if (unknown.length > 0) {
    throw new Error(`there is no service ${unknown.join(', ')}; there are ${engine.services.join(', ')}`);
  }
  for (const service of values.service.length === 0 ? engine.services : values.service) await lab.kill(service);
  return status(engine, lab);
}

async function save(engine, lab) {
  await saveMemory(engine, lab);
  return status(engine, lab);
}

async function restore(engine, lab) {
  await restoreMemory(engine, lab);
  return status(engine, lab);
}

/** The end of a log; nothing where there is none yet. */
async function lastLines(file) {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, 4_000);
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}
