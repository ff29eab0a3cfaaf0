import { isAbsolute } from 'node:path';
import { durationMs } from '../../definition/duration.js';
import { OptionsRefused } from '../spi/engine-kind.js';

export interface AirflowOptions {
  /** Of the webserver (Airflow 2) or api-server (Airflow 3), with its prefix, without a slash at the end. */
  url: string;
  credentials: Credentials;
  /** Where definitions of ours are written; Airflow reads them from there. Absent: only references are taken. */
  dagsFolder?: string;
  dedupeHorizonMs: number;
}

/** `token`: sent as a bearer token as it is. `password`: basic auth on Airflow 2, exchanged for a token on Airflow 3. */
export type Credentials =
  { kind: 'token'; token: string } | { kind: 'password'; username: string; password: string; tokenUrl: string };

const KEYS = ['url', 'username', 'password', 'token', 'tokenUrl', 'dagsFolder', 'dedupeHorizon'];

/** Reads the engine's section of ENGINES_FILE. Throws `OptionsRefused`. */
export function readAirflowOptions(options: Record<string, unknown>): AirflowOptions {
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) throw new OptionsRefused(`${key} is no option of airflow (known: ${KEYS.join(', ')})`);
  }
  const url = address(options, 'url');
  if (url === undefined) throw new OptionsRefused('url is missing: the address of the Airflow webserver or api-server');
  const dagsFolder = text(options, 'dagsFolder');
  if (dagsFolder !== undefined && !isAbsolute(dagsFolder))
    throw new OptionsRefused('dagsFolder must be an absolute path');
  const horizon = text(options, 'dedupeHorizon') ?? '30d';
  const dedupeHorizonMs = durationMs(horizon);
  if (dedupeHorizonMs === undefined) throw new OptionsRefused('dedupeHorizon must be a duration such as 30d');
  return {
    url,
    credentials: readCredentials(options, url),
    ...(dagsFolder === undefined ? {} : { dagsFolder }),
    dedupeHorizonMs,
  };
}

function readCredentials(options: Record<string, unknown>, url: string): Credentials {
  const [token, username, password] = [text(options, 'token'), text(options, 'username'), text(options, 'password')];
  if (token !== undefined && username === undefined && password === undefined) return { kind: 'token', token };
  if (token !== undefined) throw new OptionsRefused('token stands alone: leave username and password out');
  if (username === undefined || password === undefined) {
    throw new OptionsRefused('username and password are needed, or a token');
  }
  return { kind: 'password', username, password, tokenUrl: address(options, 'tokenUrl') ?? `${url}/auth/token` };
}

function address(options: Record<string, unknown>, key: string): string | undefined {
  const value = text(options, key);
  if (value === undefined) return undefined;
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new OptionsRefused(`${key} must be an http or https address`);
  if (parsed.username !== '' || parsed.password !== '') throw new OptionsRefused(`${key} must not hold credentials`);
  return value.replace(/\/+$/, '');
}

function text(options: Record<string, unknown>, key: string): string | undefined {
  const value = options[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw new OptionsRefused(`${key} must be a text`);
  return value;
}
