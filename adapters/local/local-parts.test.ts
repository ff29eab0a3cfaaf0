import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { AttemptSpec } from './attempt-folder.js';
import { PARTS, createExclusively, readExit, reserveExit, writeExit } from './attempt-folder.js';
import { DataDirectoryInUse, lockDirectory } from './data-directory-lock.js';
import type { AttemptEvidence } from './judge-attempt.js';
import { judgeAttempt } from './judge-attempt.js';
import { parseOptions } from './local-options.js';
import { readLogPage } from './log-page.js';
import { readAll, removeFolders, temporaryFolder } from './local-engine.test-support.js';
import { lifeOf, onLinux, ownIdentity } from './process-identity.js';
import type { ExitRecord } from './record-shapes.js';
import { isExitRecord, isStartRecord } from './record-shapes.js';
import { LINE_LIMIT_BYTES, TaskLog } from './task-log.js';

const EXIT: ExitRecord = {
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.000Z',
  exitCode: 0,
  signal: null,
  timedOut: false,
  stopped: false,
  outputs: {},
};

afterAll(removeFolders);

describe('the verdict on an open attempt', () => {
  const nothing: AttemptEvidence = {
    claim: 'none',
    started: false,
    exit: undefined,
    supervisor: 'dead',
    sinceBeatMs: 0,
    childRunning: false,
  };
  test.each([
    { reason: 'nobody was told yet', launched: false, verdict: 'launch', ...nothing },
    { reason: 'our supervisor is still coming', launched: true, verdict: 'wait', ...nothing, childRunning: true },
    { reason: 'our supervisor ended without a claim', launched: true, verdict: 'void', ...nothing },
    { reason: 'the claim was voided', launched: true, verdict: 'never-ran', ...nothing, claim: 'void' },
    {
      reason: 'a supervisor prepares',
      launched: false,
      verdict: 'wait',
      ...nothing,
      claim: 'claimed',
      supervisor: 'alive',
    },
    { reason: 'claimed and died', launched: false, verdict: 'never-ran', ...nothing, claim: 'claimed' },
    {
      reason: 'it runs',
      launched: false,
      verdict: 'wait',
      ...nothing,
      claim: 'claimed',
      started: true,
      supervisor: 'alive',
    },
    {
      reason: 'started and no record of the end',
      launched: true,
      verdict: 'lost',
      ...nothing,
      claim: 'claimed',
      started: true,
    },
    {
      reason: 'it ran, and its records were taken away',
      launched: true,
      verdict: 'lost',
      ...nothing,
      started: true,
    },
    {
      reason: 'the record tells',
      launched: true,
      verdict: 'ended',
      ...nothing,
      claim: 'claimed',
      started: true,
      exit: EXIT,
    },
    {
      reason: 'out of sight with signs of life',
      launched: false,
      verdict: 'wait',
      ...nothing,
      claim: 'claimed',
      started: true,
      supervisor: 'unknown',
    },
    {
      reason: 'out of sight and silent',
      launched: false,
      verdict: 'lost',
      ...nothing,
      claim: 'claimed',
      started: true,
      supervisor: 'unknown',
      sinceBeatMs: 61_000,
    },
  ] as const)('$reason: $verdict', ({ launched, verdict, ...evidence }) => {
    expect(judgeAttempt(evidence, launched)).toBe(verdict);
  });
});

describe('the exit record', () => {
  const spec: AttemptSpec = {
    argv: [],
    env: {},
    marker: '',
    graceMs: 0,
    logLimitBytes: 0,
    outputs: ['n'],
    outputLimitBytes: 0,
  };

  test('it is written into space that was taken before, and read back whole', () => {
    const folder = temporaryFolder();
    reserveExit(folder, spec);
    const reserved = readFileSync(join(folder, PARTS.exit)).length;
    expect(readExit(folder)).toBeUndefined();
    const record = { ...EXIT, outputs: { n: { bytes: 3, sha256: 'f'.repeat(64) } } };
    writeExit(folder, record);
    expect(readExit(folder)).toEqual(record);
    expect(readFileSync(join(folder, PARTS.exit)).length).toBe(reserved);
  });

  test('half of one is none', async () => {
    const folder = temporaryFolder();
    reserveExit(folder, spec);
    writeExit(folder, EXIT);
    const { writeFileSync } = await import('node:fs');
    const text = readFileSync(join(folder, PARTS.exit), 'utf8');
    writeFileSync(join(folder, PARTS.exit), text.replace('"exitCode":0', '"exitCode":1'));
    expect(readExit(folder)).toBeUndefined();
  });
});

describe('a record that its task may have written', () => {
  test.each([
    { reason: 'the last exit code', change: { exitCode: 255 }, taken: true },
    { reason: 'an exit code that no process has', change: { exitCode: 256 }, taken: false },
    { reason: 'an exit code below 0', change: { exitCode: -1 }, taken: false },
    { reason: 'the end of the year 9999', change: { finishedAt: '9999-12-31T23:59:59.999Z' }, taken: true },
    { reason: 'a year of five digits', change: { finishedAt: '+010000-01-01T00:00:00.000Z' }, taken: false },
    { reason: 'a time before the first second', change: { startedAt: '1969-12-31T23:59:59.999Z' }, taken: false },
    { reason: 'a year before the first', change: { startedAt: '-000001-01-01T00:00:00.000Z' }, taken: false },
  ])('with $reason: $taken', ({ change, taken }) => {
    expect(isExitRecord({ ...EXIT, ...change })).toBe(taken);
  });

  test('its time of the start is held to the same years', () => {
    const start = { supervisor: ownIdentity(), task: ownIdentity(), startedAt: EXIT.startedAt };
    expect(isStartRecord(start)).toBe(true);
    expect(isStartRecord({ ...start, startedAt: '+275760-09-13T00:00:00.000Z' })).toBe(false);
  });
});

describe('the lock of a data directory', () => {
  const folder = (): string => temporaryFolder();

  test('a living owner is not followed, a released one is', () => {
    const here = folder();
    const lock = lockDirectory(here);
    expect(() => lockDirectory(here)).toThrow(DataDirectoryInUse);
    lock.release();
    lockDirectory(here).release();
    expect(
      readdirSync(here)
        .filter((name) => name.startsWith('owner.'))
        .sort(),
    ).toEqual(['owner.2', 'owner.2.released']);
  });

  test('a dead owner is followed, and the same pid with another start time is dead', () => {
    const here = folder();
    createExclusively(join(here, 'owner.4'), JSON.stringify({ ...ownIdentity(), startTime: '1' }));
    lockDirectory(here).release();
    expect(readdirSync(here)).toContain('owner.5');
  });

  test('a process of another boot or pid namespace is unknown, not dead', () => {
    expect(lifeOf({ ...ownIdentity(), bootId: 'another' })).toBe('unknown');
    expect(lifeOf({ ...ownIdentity(), pidNamespace: 'another' })).toBe('unknown');
    expect(lifeOf(ownIdentity())).toBe('alive');
  });
});

describe('options', () => {
  test('they have defaults', () => {
    expect(parseOptions({})).toMatchObject({
      terminateGraceMs: 10_000,
      logLimitBytes: 64 * 1024 * 1024,
      outputLimitBytes: 32_768,
    });
    expect(parseOptions({}).maxTasks).toBeGreaterThanOrEqual(4);
    expect(parseOptions({ terminateGrace: '1m', logLimit: '1MiB', maxTasks: 3 })).toMatchObject({
      terminateGraceMs: 60_000,
      logLimitBytes: 1024 * 1024,
      maxTasks: 3,
    });
  });

  test.each([
    [{ maxTask: 1 }, /no option "maxTask"; it knows maxTasks, /],
    [{ maxTasks: 0 }, /"maxTasks" must be a whole number above 0, not 0/],
    [{ terminateGrace: 10 }, /"terminateGrace" must be a duration such as "10s", not 10/],
    [{ logLimit: '1 KB' }, /"logLimit" must be a size/],
    [{ outputLimit: '33KiB' }, /"outputLimit" must be a size up to "32KiB"/],
  ])('%j is refused with a sentence', (options, message) => {
    expect(() => parseOptions(options)).toThrow(message);
  });
});

describe('the log of a task', () => {
  const write = (limit: number, ...chunks: ['stdout' | 'stderr', string][]): string => {
    const path = join(temporaryFolder(), 'log');
    const log = new TaskLog(path, limit);
    for (const [stream, text] of chunks) log.write(stream, Buffer.from(text));
    log.close();
    return readFileSync(path, 'utf8');
  };

  test('lines of the two streams are never torn', () => {
    expect(write(10_000, ['stdout', 'on'], ['stderr', 'err\n'], ['stdout', 'e\ntw'], ['stdout', 'o'])).toBe(
      'err\none\ntwo\n',
    );
  });

  test('a line above one MiB is cut and marked', () => {
    const log = write(8 * LINE_LIMIT_BYTES, ['stdout', 'x'.repeat(LINE_LIMIT_BYTES + 5)], ['stdout', 'y\nnext\n']);
    expect(log.length).toBe(LINE_LIMIT_BYTES + ' [signalbox: line cut]\nnext\n'.length);
    expect(log.endsWith('x [signalbox: line cut]\nnext\n')).toBe(true);
  });

  test('a line that was cut ends once, also when nothing follows it', () => {
    expect(write(8 * LINE_LIMIT_BYTES, ['stdout', 'x'.repeat(LINE_LIMIT_BYTES + 5)])).toMatch(
      /x \[signalbox: line cut\]\n$/,
    );
  });

  test('above the limit the beginning and the end are kept, and what is missing is told', () => {
    const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}\n`);
    // In chunks as a pipe brings them, which end anywhere.
    const text = lines.join('');
    const chunks = Array.from({ length: Math.ceil(text.length / 777) }, (_, n) => text.slice(n * 777, (n + 1) * 777));
    const log = write(8192, ...chunks.map((chunk): ['stdout', string] => ['stdout', chunk]));
    expect(log.length).toBeLessThanOrEqual(8192);
    expect(log.startsWith('line 0\nline 1\n')).toBe(true);
    expect(log.endsWith('line 1998\nline 1999\n')).toBe(true);
    const [, dropped, bytes, kept] =
      /\n\[signalbox: the log reached its limit\]\n\[signalbox: (\d+) lines, (\d+) bytes dropped; the last (\d+) follow\]\n/.exec(
        log,
      ) ?? [];
    const shown = log.split('\n').filter((line) => line.startsWith('line ')).length;
    expect(shown + Number(dropped)).toBe(2000);
    const first = lines.findIndex((line) => !log.includes(`\n${line}`) && !log.startsWith(line));
    const missing = lines.slice(first, 2000 - Number(kept));
    expect([missing.length, missing.join('').length]).toEqual([Number(dropped), Number(bytes)]);
  });

  test('millions of lines cost no call of the system each', () => {
    const log = new TaskLog(join(temporaryFolder(), 'log'), 8 * 1024 * 1024);
    const chunk = Buffer.from('\n'.repeat(65_536));
    const began = performance.now();
    for (let count = 0; count < 160; count += 1) log.write('stdout', chunk);
    log.close();
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test('lines that the disk refuses are counted, and the task is not held up', () => {
    // Every write to it fails with ENOSPC.
    const log = new TaskLog('/dev/full', 10_000);
    log.write('stdout', Buffer.from('one\ntwo\n'));
    expect(() => log.close()).not.toThrow();
  });

  test('a page that nobody reads holds no file open', async () => {
    const path = join(temporaryFolder(), 'log');
    createExclusively(path, 'one\n');
    for (let count = 0; count < 20; count += 1) {
      const page = await readLogPage(path, undefined, 1024, true);
      await page.chunks[Symbol.asyncIterator]().return?.();
    }
    const open = onLinux ? readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`)) : [];
    expect(open.filter((target) => target === path)).toEqual([]);
  });

  test('a page of many chunks holds what was written, in one buffer', async () => {
    const path = join(temporaryFolder(), 'log');
    const text = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join('');
    createExclusively(path, text);
    const second = await readLogPage(path, (await readLogPage(path, undefined, 7, true)).nextCursor, text.length, true);
    expect(await readAll(second.chunks)).toBe(text.slice('line 0\n'.length));
    const buffers = new Set<ArrayBufferLike>();
    for await (const chunk of (await readLogPage(path, undefined, text.length, true)).chunks) buffers.add(chunk.buffer);
    expect(buffers.size).toBe(1);
  });

  test('a page ends between two characters where one line is longer than the page', async () => {
    const path = join(temporaryFolder(), 'log');
    createExclusively(path, `${'\u20ac'.repeat(10)}\n`);
    const page = await readLogPage(path, undefined, 8, true);
    expect(await readAll(page.chunks)).toBe('\u20ac\u20ac');
    expect(page).toMatchObject({ end: false, nextCursor: '6' });
    await expect(readLogPage(path, 'x', 8, true)).rejects.toMatchObject({ code: 'rejected' });
  });
});

/** Where a link leads; the listing's own descriptor is gone by the time it is looked at. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
