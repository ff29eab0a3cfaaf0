import { test } from '@jest/globals';

/**
 * `test` on a machine that has what it needs. Where there is an obstacle the test is skipped, and its title, in every report,
 * says why.
 */
export function testWhere(
  obstacle: string | undefined,
): (title: string, work: () => Promise<void>, timeoutMs?: number) => void {
  if (obstacle === undefined) return (title, work, timeoutMs) => test(title, work, timeoutMs);
  return (title, work, timeoutMs) => {
    process.stdout.write(`skipped: ${title}: ${obstacle}\n`);
    test.skip(`${title} (skipped: ${obstacle})`, work, timeoutMs);
  };
}

/** What a program that failed said at last: the reason within an obstacle. */
export function lastLine(error: unknown): string {
  return (error as Error).message.trim().split('\n').at(-1) ?? '';
}
