import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.js';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestEngine } from './local-engine.test-support.js';
import {
  callContext,
  processesWith,
  refOf,
  removeFolders,
  startEngine,
  taskRun,
  temporaryFolder,
  workflow,
} from './local-engine.test-support.js';

let database: TestDatabase;
let engine: TestEngine;

beforeAll(async () => {
  database = await createTestDatabase();
  // One slot: an attempt that never ends would hold up all that follow.
  engine = await startEngine(database.database, {}, { maxTasks: 1, terminateGrace: '200ms' });
});

afterAll(async () => {
  await engine.adapter.close();
  await database.drop();
  removeFolders();
});

const HERE = 'A="$(dirname "$SIGNALBOX_DIR")"; ';

/** Puts a record with a right checksum where the end of the attempt is told, and ends the supervisor. */
function forge(record: object): string {
  const body = `'${JSON.stringify(record)}'`;
  return `echo "$(printf %s ${body} | sha256sum | cut -d' ' -f1) "${body} > "$A/exit.json"; kill -9 $PPID`;
}

const FORGED = {
  startedAt: '2026-01-01T00:00:00Z',
  finishedAt: '2026-01-01T00:00:01Z',
  exitCode: 1,
  signal: null,
  timedOut: false,
  stopped: false,
  outputs: {},
};

describe('a task that damages its own attempt', () => {
  test.each([
    { reason: 'removes its folder', run: 'rm -rf "$A"', code: 'lost' },
    { reason: 'removes the folder of its run', run: 'rm -rf "$(dirname "$(dirname "$A")")"', code: 'lost' },
    { reason: 'removes it and ends its supervisor', run: 'rm -rf "$A"; kill -9 $PPID', code: 'lost' },
    {
      reason: 'puts a link in its place',
      run: 'mv "$A" "$A.away"; ln -s "$A.away/task" "$A"; kill -9 $PPID',
      code: 'lost',
    },
    {
      reason: 'writes nonsense into every record',
      run: 'cd "$A"; for f in claim start.json exit.json spec.json stop; do echo "{" > $f; done; kill -9 $PPID',
      code: 'lost',
    },
    { reason: 'takes the records away', run: 'cd "$A"; rm claim spec.json; kill -9 $PPID', code: 'lost' },
    {
      reason: 'puts a pipe where its end is recorded',
      run: 'cd "$A"; rm exit.json; mkfifo exit.json; kill -9 $PPID',
      code: 'lost',
    },
    {
      reason: 'puts pipes everywhere',
      run: 'cd "$A"; for f in claim start.json exit.json spec.json stop supervisor.log; do rm -f $f; mkfifo $f; done; kill -9 $PPID',
      code: 'lost',
    },
    {
      reason: 'makes the record of its end larger than memory',
      run: 'truncate -s 100G "$A/exit.json"; kill -9 $PPID',
      code: 'lost',
    },
    { reason: 'forges a record that is none', run: forge({ finishedAt: null }), code: 'lost' },
    { reason: 'forges an end', run: forge(FORGED), code: 'exit-code' },
    {
      reason: 'forges an exit code that no column holds',
      run: forge({ ...FORGED, exitCode: 2 ** 32 }),
      code: 'lost',
    },
    {
      reason: 'forges a time that no column holds',
      run: forge({ ...FORGED, finishedAt: '+275760-09-13T00:00:00.000Z' }),
      code: 'lost',
    },
    {
      reason: 'lets its outputs lead elsewhere',
      run: 'rm -rf "$SIGNALBOX_DIR/outputs"; ln -s "$ELSEWHERE" "$SIGNALBOX_DIR/outputs"',
      code: 'output-missing',
    },
    {
      reason: 'nests its output without end',
      run: `head -c 15000 /dev/zero | tr '\\0' '[' > "$SIGNALBOX_DIR/outputs/n"; head -c 15000 /dev/zero | tr '\\0' ']' >> "$SIGNALBOX_DIR/outputs/n"`,
      code: 'output-invalid',
    },
    { reason: 'writes a number that is none', run: 'echo 1e999 > "$SIGNALBOX_DIR/outputs/n"', code: 'output-invalid' },
  ])('has failed, and the next one starts: it $reason', async ({ run, code }) => {
    const elsewhere = temporaryFolder();
    mkdirSync(elsewhere, { recursive: true });
    writeFileSync(join(elsewhere, 'n'), '1');
    const key = await engine.submit(
      workflow({
        params: { elsewhere: { type: 'string' } },
        tasks: {
          t: { run: HERE + run, env: { ELSEWHERE: '${{ params.elsewhere }}' }, outputs: { n: { type: 'number' } } },
        },
      }),
      { elsewhere },
    );
    const next = await engine.submit(workflow({ tasks: { t: { run: 'true' } } }));
    expect((await engine.untilFinal(key)).failure).toMatchObject({ code });
    expect((await engine.untilFinal(next)).phase).toBe('succeeded');
    expect(processesWith(key)).toEqual([]);
  });

  test('can be cancelled although nothing of its folder is left', async () => {
    const key = await engine.submit(
      workflow({ tasks: { t: { run: `${HERE} sleep 1; rm -rf "$A"; exec sleep 300` } } }),
    );
    await engine.until(key, (seen) => taskRun(seen, 't').state === 'RUNNING');
    expect(await engine.adapter.cancel(refOf(key), 'graceful', callContext())).toEqual({ outcome: 'requested' });
    expect((await engine.untilFinal(key)).phase).toBe('cancelled');
    expect(processesWith(key)).toEqual([]);
  });

  test.each([
    { reason: 'a pipe', run: 'rm "$A/log"; mkfifo "$A/log"' },
    { reason: 'a link', run: 'rm "$A/log"; ln -s /etc/hostname "$A/log"' },
    { reason: 'a folder', run: 'rm "$A/log"; mkdir "$A/log"' },
  ])('has no log any more when it puts $reason there', async ({ run }) => {
    const key = await engine.submit(workflow({ tasks: { t: { run: HERE + run } } }));
    await engine.untilFinal(key);
    const page = await engine.adapter.logs(
      { ref: refOf(key), task: 't', attempt: 1, limitBytes: 1024 },
      callContext(2000),
    );
    expect(page).toMatchObject({ source: 'none', end: true });
  });
});
