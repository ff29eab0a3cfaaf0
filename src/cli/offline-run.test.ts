/** `signalbox run FILE` as a process: a whole service in a temporary folder, and nothing left of it. */
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { resultOf, runCli, startCli } from '../../test/support/run-cli.js';

const HEAD = 'apiVersion: signalbox/v1\nkind: Workflow\nname: offline\n';
const DEFINITIONS = {
  'double.yaml': `${HEAD}params: { n: { type: integer } }
tasks:
  double:
    command: [sh, -c, 'echo $((N * 2)) > "$SIGNALBOX_DIR/outputs/twice"']
    env: { N: '\${{ params.n }}' }
    outputs: { twice: { type: integer } }
outputs: { twice: '\${{ tasks.double.outputs.twice }}' }
`,
  'fail.yaml': `${HEAD}tasks: { boom: { run: "echo the reason >&2; exit 7" } }\n`,
  'slow.yaml': `${HEAD}tasks: { wait: { run: "echo waiting; exec sleep 300" } }\n`,
};

let folder: string;
let temporary: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
  temporary = await mkdtemp(join(tmpdir(), 'signalbox-tmp-'));
  for (const [name, text] of Object.entries(DEFINITIONS)) await writeFile(join(folder, name), text);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(temporary, { recursive: true, force: true });
});

const left = async (): Promise<string[]> =>
  (await readdir(temporary)).filter((name) => name.startsWith('signalbox-run-'));

test('a run that completes ends 0, gives its outputs as data, and leaves nothing', async () => {
  const result = await runCli(['run', join(folder, 'double.yaml'), '-p', 'n=21', '--json'], { TMPDIR: temporary });
  expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
  expect(JSON.parse(result.stdout)).toMatchObject({ state: 'COMPLETED', outputs: { twice: 42 } });
  expect(result.stderr).toContain('task double COMPLETED');
  expect(await left()).toEqual([]);
});

test('a run that fails ends 1 and shows the last lines of what failed', async () => {
  const result = await runCli(['run', join(folder, 'fail.yaml')], { TMPDIR: temporary });
  expect(result.code).toBe(1);
  expect(result.stdout).toMatch(/^state +FAILED\nfailure +task boom: The command ended with exit code 7\.$/m);
  expect(result.stderr).toContain('  the reason\n');
  expect(await left()).toEqual([]);
});

test('Ctrl-C cancels the run, waits for its end, and leaves nothing', async () => {
  const child = startCli(['run', join(folder, 'slow.yaml')], { TMPDIR: temporary });
  const result = resultOf(child);
  for (let seen = ''; !seen.includes('task wait RUNNING');) {
    const [text] = (await once(child.stderr, 'data')) as [string];
    seen += text;
  }
  child.kill('SIGINT');
  expect(await result).toMatchObject({ code: 1, stdout: expect.stringMatching(/^state +CANCELLED$/m) });
  expect(await left()).toEqual([]);
});

test('where no service can be started, it is the machine that is at fault', async () => {
  const result = await runCli(['run', join(folder, 'fail.yaml')], { TMPDIR: '/dev/null' });
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('error: ');
});
