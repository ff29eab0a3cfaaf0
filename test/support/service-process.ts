import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bin/signalbox.js', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const LOADER = new URL('../../scripts/typescript-loader.js', import.meta.url).href;
const SCRIPTED = fileURLToPath(new URL('./scripted-service.process.ts', import.meta.url));
const ENGINE = fileURLToPath(new URL('./scripted-engine/scripted-engine.process.ts', import.meta.url));

/** As much as is kept of what a process says. */
const KEPT_CHARACTERS = 65_536;

/** Far more than a service takes to stop. */
const STOP_MS = 60_000;

export type ScriptedRole = 'server' | 'api' | 'worker' | 'reconcile';

/** What node is started with for a role of the service with the scripted adapter, and for the scripted engine. */
export interface Programs {
  service: string[];
  engine: string[];
}

/** Straight from the sources. */
export const FROM_SOURCES: Programs = {
  service: ['--import', LOADER, SCRIPTED],
  engine: ['--import', LOADER, ENGINE],
};

export interface SpawnedProcess {
  child: ChildProcess;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals | null>;
  /** What it wrote to stderr last. */
  errors(): string;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code, null when the signal ended it. Throws, and kills it, when it stays. */
  stop(): Promise<number | null>;
}

export interface ServiceProcess extends SpawnedProcess {
  /** Base URL; empty for a role that listens nowhere. */
  url: string;
}

/** `signalbox ROLE` as a process of its own, from the built product; resolves once it says that it listens. */
export async function startService(role: string, env: Record<string, string>): Promise<ServiceProcess> {
  if (!existsSync(BUILT)) throw new Error('dist/ is missing: run `npm run build` first');
  return working(spawnNode([COMMAND, role], env));
}

/** A role of the service with the scripted adapter; resolves once it works. */
export async function startScriptedService(
  role: ScriptedRole,
  env: Record<string, string>,
  programs = FROM_SOURCES,
): Promise<ServiceProcess> {
  return working(spawnScriptedService(role, env, programs));
}

/** As `startScriptedService`, for a process that may end or stand still before it says that it works. */
export function spawnScriptedService(
  role: ScriptedRole,
  env: Record<string, string>,
  programs = FROM_SOURCES,
): SpawnedProcess & Spoken {
  return spawnNode([...programs.service, role], env);
}

export interface ScriptedEngineProcess extends SpawnedProcess {
  url: string;
  controlUrl: string;
}

/** The scripted engine as a process of its own. */
export async function startScriptedEngineProcess(programs = FROM_SOURCES): Promise<ScriptedEngineProcess> {
  const spawned = spawnNode(programs.engine, {});
  const told = await untilSaid(spawned, /^\{.*\}$/m);
  const { url, control_url: controlUrl } = JSON.parse(told) as { url: string; control_url: string };
  return { ...spawned, url, controlUrl };
}

export interface Spoken {
  /** Resolves with the first text on stdout that matches. */
  said(pattern: RegExp): Promise<string>;
}

/** Resolves once the process says that it works; throws when it ends before. */
export async function working(spawned: SpawnedProcess & Spoken): Promise<ServiceProcess> {
  const greeting = await untilSaid(spawned, /^Signalbox \w+ (listens|works).*$/m);
  return { ...spawned, url: /listens on (http:\S+)/.exec(greeting)?.[1] ?? '' };
}

async function untilSaid(spawned: SpawnedProcess & Spoken, pattern: RegExp): Promise<string> {
  const early = spawned.exited.then((code) => {
    throw new Error(`the process ended with ${code} before it was ready: ${spawned.errors()}`);
  });
  early.catch(() => undefined);
  return Promise.race([spawned.said(pattern), early]);
}

function spawnNode(args: string[], env: Record<string, string>): SpawnedProcess & Spoken {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = `${errors}${text}`.slice(-KEPT_CHARACTERS)));
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output = `${output}${text}`.slice(-KEPT_CHARACTERS)));
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null);
  return {
    child,
    exited,
    errors: () => errors,
    said: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const match = pattern.exec(output);
          if (match) resolve(match[0]);
        };
        child.stdout.on('data', look);
        look();
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const stayed = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const code = await exited;
      clearTimeout(stayed);
      if (code === 'SIGKILL') throw new Error(`the process was killed while it stopped; it said: ${errors}`);
      return typeof code === 'number' ? code : null;
    },
  };
}
