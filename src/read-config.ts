/** The configuration: one schema, read once at start, refused as a whole with every bad key named. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Config, type ConfigFields } from './config.js';
import { formatDuration, parseDuration } from './config-duration.js';
import { CONFIG_SCHEMA, type ConfigEntry } from './config-schema.js';
import { Secret } from './platform/secret.js';

/** The configuration cannot be used; the message names every bad key and what is allowed. */
export class ConfigRefused extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is refused: ${faults.join('; ')}.`);
    this.name = 'ConfigRefused';
  }
}

/**
 * Reads `env`; relative paths are below `cwd`. A secret may come from a file: `<NAME>_FILE` holds its path.
 * An empty value counts as absent. Keys that are not in the schema belong to somebody else. Throws `ConfigRefused`.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>, cwd: string): Config {
  const faults: string[] = [];
  const fields: Record<string, unknown> = {};
  for (const entry of CONFIG_SCHEMA) {
    try {
      const text = textOf(entry, env, cwd) ?? entry.default;
      fields[entry.field] = text === undefined ? undefined : parse(entry, text, cwd);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(`${entry.name} ${error.message}`);
    }
  }
  if (faults.length === 0 && Number(fields['leaseMs']) <= Number(fields['engineTimeoutMs'])) {
    faults.push('LEASE must be longer than ENGINE_TIMEOUT');
  }
  if (faults.length > 0) throw new ConfigRefused(faults);
  return new Config(fields as unknown as ConfigFields<Config>);
}

class Fault extends Error {}

function textOf(
  entry: ConfigEntry,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string | undefined {
  const direct = env[entry.name]?.trim() || undefined;
  if (entry.kind !== 'url') return direct;
  const file = env[`${entry.name}_FILE`]?.trim() || undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) throw new Fault(`and ${entry.name}_FILE are both set: set one of them`);
  try {
    return readFileSync(resolve(cwd, file), 'utf8').trim();
  } catch (error) {
    throw new Fault(`cannot be read from ${entry.name}_FILE "${file}" (${(error as NodeJS.ErrnoException).code})`);
  }
}

function parse(entry: ConfigEntry, text: string, cwd: string): unknown {
  switch (entry.kind) {
    case 'duration': {
      const value = parseDuration(text);
      if (value === undefined || value < entry.min || value > entry.max) {
        throw new Fault(
          `is "${text}", but must be a duration such as 500ms, 1s, 5m, 1h or 7d, from ${formatDuration(entry.min)} to ${formatDuration(entry.max)}`,
        );
      }
      return value;
    }
    case 'integer': {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      if (!(value >= entry.min && value <= entry.max)) {
        throw new Fault(`is "${text}", but must be a whole number from ${entry.min} to ${entry.max}`);
      }
      return value;
    }
    case 'choice':
      if (!entry.choices.includes(text))
        throw new Fault(`is "${text}", but must be one of ${entry.choices.join(', ')}`);
      return text;
    case 'path':
      return resolve(cwd, text);
    case 'url':
      // The value is a secret: it is never part of the message.
      if (!URL.canParse(text) || !entry.protocols.includes(new URL(text).protocol)) {
        throw new Fault(
          `must be a URL that begins with ${entry.protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
        );
      }
      return new Secret(text);
    case 'string':
      return text;
  }
}
