/** ENGINES_FILE: which instances of which kinds there are. Secrets stand in it by reference only. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface EngineEntry {
  name: string;
  kind: string;
  /** Of the kind, with secrets resolved. */
  options: Record<string, unknown>;
  /** Calls a second to this engine on average; bursts may reach twice that. */
  callsPerSecond: number;
  /** Runs that begin on the engine, of workflows that were imported, become workflow runs; default: false. */
  adopt?: boolean;
}

/** Refused as a whole; the message names every bad entry. */
export class EnginesFileRefused extends Error {
  constructor(file: string, problems: string[]) {
    super(`ENGINES_FILE ${file}: ${problems.join('; ')}`);
    this.name = 'EnginesFileRefused';
  }
}

const LOCAL_ONLY: EngineEntry[] = [{ name: 'local', kind: 'local', options: {}, callsPerSecond: 10_000 }];
const ENTRY_KEYS = ['name', 'kind', 'options', 'callsPerSecond', 'adopt'];

/** Without a file there is one engine: `local`. `kinds` are the names allowed. */
export function readEnginesFile(
  file: string | undefined,
  kinds: readonly string[],
  env: NodeJS.ProcessEnv,
): EngineEntry[] {
  if (file === undefined) return LOCAL_ONLY;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new EnginesFileRefused(file, [`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`]);
  }
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 20 });
  } catch (error) {
    throw new EnginesFileRefused(file, [`is not YAML: ${(error as Error).message.split('\n')[0] ?? ''}`]);
  }
  return parseEngines(file, content, kinds, env);
}

/** `content` is the parsed file. */
export function parseEngines(
  file: string,
  content: unknown,
  kinds: readonly string[],
  env: NodeJS.ProcessEnv,
): EngineEntry[] {
  const problems: string[] = [];
  const list = isRecord(content) ? content['engines'] : undefined;
  if (!Array.isArray(list) || list.length === 0) {
    throw new EnginesFileRefused(file, ['"engines" must be a list of {name, kind, options}']);
  }
  const entries = list.map((entry: unknown, index) => parseEntry(entry, `engines[${index}]`, kinds, env, problems));
  const names = entries.map((entry) => entry.name);
  for (const name of new Set(names.filter((candidate, index) => names.indexOf(candidate) !== index))) {
    problems.push(`the name "${name}" is used twice`);
  }
  if (problems.length > 0) throw new EnginesFileRefused(file, problems);
  return entries;
}

function parseEntry(
  entry: unknown,
  at: string,
  kinds: readonly string[],
  env: NodeJS.ProcessEnv,
  problems: string[],
): EngineEntry {
  const given = isRecord(entry) ? entry : {};
  if (!isRecord(entry)) problems.push(`${at} must be a map`);
  for (const key of Object.keys(given)) {
    if (!ENTRY_KEYS.includes(key)) problems.push(`${at}.${key} is not known (allowed: ${ENTRY_KEYS.join(', ')})`);
  }
  const name = typeof given['name'] === 'string' ? given['name'] : '';
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    problems.push(`${at}.name must be 1-63 of [a-z0-9-], not beginning or ending with -`);
  }
  const kind = typeof given['kind'] === 'string' ? given['kind'] : '';
  if (!kinds.includes(kind)) problems.push(`${at}.kind must be one of ${kinds.join(', ')}`);
  const rate = given['callsPerSecond'] ?? (kind === 'local' ? 10_000 : 50);
  if (!(Number.isFinite(rate) && Number(rate) > 0)) problems.push(`${at}.callsPerSecond must be a number above 0`);
  const adopt = given['adopt'] ?? false;
  if (typeof adopt !== 'boolean') problems.push(`${at}.adopt must be true or false`);
  const options = given['options'] ?? {};
  if (!isRecord(options)) problems.push(`${at}.options must be a map`);
  return {
    name,
    kind,
    callsPerSecond: Number(rate),
    ...(adopt === true ? { adopt } : {}),
    options: isRecord(options) ? resolveMap(options, `${at}.options`, env, problems) : {},
  };
}

/** `{env: NAME}` and `{file: PATH}` become the secret they point at. */
function resolveMap(
  map: Record<string, unknown>,
  at: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key, resolveReference(value, `${at}.${key}`, env, problems)]),
  );
}

function resolveReference(value: unknown, at: string, env: NodeJS.ProcessEnv, problems: string[]): unknown {
  if (!isRecord(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && typeof value['env'] === 'string') {
    const found = env[value['env']];
    if (found === undefined) problems.push(`${at}: the environment variable ${value['env']} is not set`);
    return found;
  }
  if (keys.length === 1 && typeof value['file'] === 'string') {
    try {
      return readFileSync(value['file'], 'utf8').trimEnd();
    } catch {
      problems.push(`${at}: the file ${value['file']} cannot be read`);
      return undefined;
    }
  }
  return resolveMap(value, at, env, problems);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
