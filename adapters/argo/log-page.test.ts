import { describe, expect, test } from '@jest/globals';
import { textOf } from '../conformance/expectations.js';
import { readArchivedPage, readPodLogPage } from './log-page.js';

const at = (nanoseconds: number, text: string): string =>
  `2026-01-31T12:00:00.${String(nanoseconds).padStart(9, '0')}Z ${text}`;
const exit = (error: string): string =>
  `time="2026-01-31T12:00:00.000Z" level=info msg="sub-process exited" argo=true error="${error}"`;
const EXIT = at(9, exit('<nil>'));

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

async function page(
  lines: string[],
  options: { limitBytes?: number; cursor?: string; ended?: boolean } = {},
): Promise<{ text: string; end: boolean; next: string | undefined } | undefined> {
  const { limitBytes = 1_000, cursor, ended = true } = options;
  const request = cursor === undefined ? { limitBytes } : { limitBytes, cursor };
  const read = await readPodLogPage(linesOf(lines), request, ended);
  return read && { text: await textOf(read), end: read.end, next: read.nextCursor };
}

describe('readPodLogPage', () => {
  test('leaves out what the executor says at the end, and nothing the task says', async () => {
    const lines = [at(1, 'Error: exit status 3'), at(2, 'b'), EXIT, at(10, 'Error: exit status 3')];
    expect(await page(lines)).toEqual({ text: 'Error: exit status 3\nb\n', end: true, next: undefined });
  });

  // The two streams of a container end at the same time: what has no line break is then followed by whatever comes.
  test.each([
    { reason: 'its exit', lines: [at(1, `a`), at(2, `b${exit('<nil>')}`)], text: 'a\nb\n' },
    {
      reason: "an error after other words of the executor is the task's",
      lines: [at(1, exit('<nil>').replace('sub-process exited', 'capturing logs')), at(2, 'bError: exit status 3')],
      text: 'bError: exit status 3\n',
    },
    {
      reason: 'the executor says more between exit and error',
      lines: [
        at(1, 'b'),
        at(2, exit('exit status 3')),
        at(3, exit('<nil>').replace('sub-process exited', 'copying outputs')),
        at(4, 'Error: exit status 3'),
      ],
      text: 'b\n',
    },
    {
      reason: "one error follows an exit, the next is the task's",
      lines: [at(1, exit('exit status 3')), at(2, 'Error: exit status 3'), at(3, 'bError: exit status 3')],
      text: 'bError: exit status 3\n',
    },
    {
      reason: 'its exit with an error, and the error after it',
      lines: [at(1, `b${exit('exit status 3')}`), at(2, 'Error: exit status 3')],
      text: 'b\n',
    },
    {
      reason: 'the error after its exit',
      lines: [at(1, exit('exit status 3')), at(2, 'bError: exit status 3')],
      text: 'b\n',
    },
    {
      reason: "an error without an exit before it is the task's",
      lines: [at(1, 'bError: exit status 3'), EXIT],
      text: 'bError: exit status 3\n',
    },
    {
      reason: "what goes on after it is the task's",
      lines: [at(1, `a${exit('<nil>')} b`)],
      text: `a${exit('<nil>')} b\n`,
    },
  ])('keeps the last words of a task that the executor writes behind: $reason', async ({ lines, text }) => {
    expect(await page(lines)).toEqual({ text, end: true, next: undefined });
    const archived = await readArchivedPage(linesOf(lines.map((line) => line.slice(line.indexOf(' ') + 1))), 0, 1_000);
    expect(await textOf(archived)).toBe(text);
  });

  test('gives the same lines in pages of any size, each once, also of one moment', async () => {
    const lines = [at(1, 'a'), at(2, 'b'), at(2, 'c'), at(2, 'd'), at(3, ''), at(4, 'e'), EXIT];
    for (const limitBytes of [2, 3, 5, 100]) {
      let text = '';
      let cursor: string | undefined;
      for (let pages = 0; pages < 10; pages += 1) {
        const read = await page(lines, { limitBytes, ...(cursor === undefined ? {} : { cursor }) });
        text += read?.text ?? '';
        cursor = read?.next;
        if (cursor === undefined) break;
      }
      expect(text).toBe('a\nb\nc\nd\n\ne\n');
    }
  });

  test('goes on where it was when more was written meanwhile, by times of fewer digits too', async () => {
    const first = await page(['2026-01-31T12:00:00.5Z a'], { ended: false });
    expect(first).toMatchObject({ text: 'a\n', end: false });
    const lines = ['2026-01-31T12:00:00.500000000Z a', '2026-01-31T12:00:00.500000001Z b', EXIT];
    expect(await page(lines, { cursor: first?.next ?? '' })).toEqual({ text: 'b\n', end: true, next: undefined });
  });

  test('a running task that said nothing yet has a page without an end', async () => {
    const first = await page([], { ended: false });
    expect(first).toMatchObject({ text: '', end: false });
    expect(await page([at(1, 'a'), EXIT], { cursor: first?.next ?? '' })).toMatchObject({ text: 'a\n', end: true });
  });

  test("an ended one without one line, the executor's included, has no pod any more", async () => {
    expect(await page([])).toBeUndefined();
    expect(await page([], { cursor: '5.1' })).toBeUndefined();
    expect(await page([EXIT])).toEqual({ text: '', end: true, next: undefined });
  });

  test('cuts a line that no page could hold, between characters, and says so', async () => {
    const read = await page([at(1, '漢'.repeat(20))], { limitBytes: 20 });
    expect(read?.text).toBe('漢漢漢漢 [cut]\n');
  });

  test.each(['', 'x', '1', '1.2.3', '../1'])('refuses the cursor %j', async (cursor) => {
    await expect(page([], { cursor })).rejects.toMatchObject({ code: 'rejected' });
  });
});

test('pages of an archived log begin after the lines that were read', async () => {
  const lines = ['a', 'b', 'c'];
  const first = await readArchivedPage(linesOf(lines), 0, 4);
  expect([await textOf(first), first.end, first.nextCursor]).toEqual(['a\nb\n', false, 'archived.2']);
  const second = await readArchivedPage(linesOf(lines), 2, 4);
  expect([await textOf(second), second.end, second.nextCursor]).toEqual(['c\n', true, undefined]);
});
