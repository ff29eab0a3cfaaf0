import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { controlScriptedEngine } from './scripted-engine-control.js';
import { startScriptedEngine } from './scripted-engine-server.js';
import type { ScriptedEngine, ScriptedEngineOptions } from './scripted-engine-server.js';

let engine: ScriptedEngine;

beforeEach(async () => {
  engine = await startScriptedEngine();
});

afterEach(() => engine.close());

async function restarted(options: ScriptedEngineOptions): Promise<void> {
  await engine.close();
  engine = await startScriptedEngine(options);
}

/** Submits and answers the status; 0 when the connection broke. */
async function submit(key: string, script: object = {}, url = engine.url): Promise<number> {
  const marker = { installation_id: 'i', key, content_digest: 'c' };
  const body = {
    key,
    marker,
    definition: 'd',
    script: JSON.stringify(script),
    parameters: {},
    labels: [],
    run_id: '1',
  };
  const request = fetch(`${url}/executions`, { method: 'POST', body: JSON.stringify(body) });
  return request.then(
    (response) => response.status,
    () => 0,
  );
}

async function state(key: string): Promise<unknown> {
  const response = await fetch(`${engine.url}/executions/${key}`);
  return ((await response.json()) as { state?: string }).state;
}

describe('the scripted engine', () => {
  test('refuses a second execution under a key, until told to take it, and journals both', async () => {
    expect([await submit('k'), await submit('k')]).toEqual([201, 409]);
    engine.controls.conduct({ dedupe: false });
    expect(await submit('k')).toBe(201);
    expect(engine.controls.created()).toEqual({ k: 2 });
    expect(engine.controls.journal({ key: 'k' }).map(({ did }) => did)).toEqual(['created', 'exists', 'created']);
  });

  test('keeps an execution queued for as long as it is told to', async () => {
    engine.controls.conduct({ stayQueued: true });
    await submit('k');
    expect(await state('k')).toBe('queued');
    engine.controls.conduct({ stayQueued: false });
    expect(await state('k')).toBe('success');
  });

  test('acknowledges a graceful stop and goes on, when told to; force ends it', async () => {
    engine.controls.conduct({ ignoreGracefulStop: true });
    await submit('k', { tasks: [{ id: 'a', duration_ms: 'hold' }] });
    const stop = (mode: string): Promise<Response> =>
      fetch(`${engine.url}/executions/k/cancel`, { method: 'POST', body: JSON.stringify({ mode }) });
    await stop('graceful');
    expect(await state('k')).toBe('stopping');
    await stop('force');
    expect(await state('k')).toBe('stopped');
  });

  test('finishes held tasks on command, well or not', async () => {
    const script = { tasks: [{ id: 'a', duration_ms: 'hold' }] };
    await submit('well', script);
    await submit('badly', script);
    engine.controls.finish('well');
    engine.controls.finish('badly', { task: 'a', well: false });
    expect([await state('well'), await state('badly')]).toEqual(['success', 'failed']);
  });

  test('follows a script of words, whatever the tasks do', async () => {
    await submit('k', { words: [{ after_ms: 0, word: 'warming_up' }] });
    expect(await state('k')).toBe('warming_up');
  });

  test('flips back from a final word when told to', async () => {
    await submit('k');
    engine.controls.show('k', 'running');
    expect(await state('k')).toBe('running');
    engine.controls.show('k');
    expect(await state('k')).toBe('success');
  });

  test('applies a rule to so many requests, or to a share of them that the seed decides', async () => {
    engine.controls.addRule({ verb: 'submit', effect: { do: 'answer', status: 503 }, times: 1 });
    expect([await submit('a'), await submit('a')]).toEqual([503, 201]);
    const outcomes: string[] = [];
    for (const seed of [7, 7, 8]) {
      await restarted({ seed });
      engine.controls.addRule({ verb: 'submit', effect: { do: 'lose-answer' }, probability: 0.3 });
      const statuses: number[] = [];
      for (let run = 0; run < 40; run += 1) statuses.push(await submit(`k${run}`));
      outcomes.push(statuses.join());
      expect(statuses).toContain(0);
      expect(statuses).toContain(201);
      // A lost answer is not a lost execution.
      expect(Object.values(engine.controls.created())).toEqual(Array.from({ length: 40 }, () => 1));
    }
    expect(outcomes[0]).toBe(outcomes[1]);
    expect(outcomes[0]).not.toBe(outcomes[2]);
  });

  test('comes back empty and as another after a wipe, on the same address after being down', async () => {
    await submit('k');
    await engine.controls.down();
    await expect(fetch(`${engine.url}/version`)).rejects.toThrow();
    await engine.controls.up();
    expect(await state('k')).toBe('success');
    const instance = async (): Promise<unknown> => (await fetch(`${engine.url}/version`)).json();
    const before = await instance();
    engine.controls.wipe();
    expect(await state('k')).toBeUndefined();
    expect(await instance()).not.toEqual(before);
  });
});

describe('the scripted engine as a process', () => {
  test('is controlled over HTTP, and its journal outlives it', async () => {
    const home = await mkdtemp(join(tmpdir(), 'signalbox-scripted-'));
    const journal = join(home, 'journal.ndjson');
    const first = await startProcess(journal);
    const control = controlScriptedEngine(first.controlUrl);
    await control.addRule({ verb: 'submit', effect: { do: 'duplicate' }, times: 1 });
    await control.conduct({ dedupe: false });
    expect(await submit('k', {}, first.url)).toBe(201);
    expect(await control.created()).toEqual({ k: 2 });
    await expect(control.show('nobody', 'running')).rejects.toThrow('no execution nobody');
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');

    const second = await startProcess(journal);
    expect(await controlScriptedEngine(second.controlUrl).created()).toEqual({ k: 2 });
    second.process.kill('SIGTERM');
    expect(await once(second.process, 'exit')).toEqual([0, null]);
    await rm(home, { recursive: true });
  });
});

async function startProcess(
  journal: string,
): Promise<{ process: ReturnType<typeof spawn>; url: string; controlUrl: string }> {
  const entry = 'test/support/scripted-engine/scripted-engine.process.ts';
  const args = ['--no-warnings', '--import', './scripts/typescript-loader.js', entry, '--journal', journal];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const { url, control_url } = JSON.parse(line) as { url: string; control_url: string };
  return { process: child, url, controlUrl: control_url };
}
