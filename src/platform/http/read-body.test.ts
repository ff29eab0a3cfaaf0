import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { readBody } from './read-body.js';

/** A request as far as its body goes; `complete` = its end was seen. */
function incoming(headers: Record<string, string>, complete = true): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { headers, complete }) as unknown as PassThrough & IncomingMessage;
}

describe('the body of a request', () => {
  test.each<{ reason: string; parts: string[]; headers: Record<string, string> }>([
    { reason: 'nothing', parts: [], headers: {} },
    { reason: 'of the length announced', parts: ['{}'], headers: { 'content-length': '2' } },
    { reason: 'of no length announced', parts: ['{', '}'], headers: {} },
    { reason: 'growing past its first room', parts: ['a'.repeat(5000), 'b'.repeat(90_000), 'c'], headers: {} },
    { reason: 'up to the limit', parts: ['a'.repeat(99_999), 'b'], headers: {} },
  ])('is read whole: $reason', async ({ parts, headers }) => {
    const request = incoming(headers);
    const reading = readBody(request, 100_000);
    for (const part of parts) request.write(part);
    request.end();
    expect((await reading).toString()).toBe(parts.join(''));
  });

  test.each<{ reason: string; parts: string[]; headers: Record<string, string> }>([
    { reason: 'announced', parts: [], headers: { 'content-length': '101' } },
    { reason: 'sent at once', parts: ['a'.repeat(101)], headers: {} },
    { reason: 'sent bit by bit', parts: ['a'.repeat(60), 'a'.repeat(60)], headers: {} },
  ])('is refused before its end when it is too large: $reason', async ({ parts, headers }) => {
    const request = incoming(headers);
    const reading = readBody(request, 100);
    for (const part of parts) request.write(part);
    await expect(reading).rejects.toMatchObject({ code: 'body-too-large' });
  });

  test.each([
    { reason: 'an error', leave: (request: PassThrough) => request.destroy(new Error('aborted')) },
    { reason: 'closed', leave: (request: PassThrough) => request.destroy() },
  ])('is malformed when its client leaves: $reason', async ({ leave }) => {
    const request = incoming({}, false);
    const reading = readBody(request, 100);
    request.write('{');
    leave(request);
    await expect(reading).rejects.toMatchObject({ code: 'malformed-body' });
  });

  test('takes no more memory than its bytes, in however many chunks it comes', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const request = incoming({});
    const reading = readBody(request, 1_048_576);
    const before = used();
    for (let sent = 0; sent < 300_000; sent += 1) {
      if (!request.write(Buffer.from('a'))) await new Promise((resolve) => request.once('drain', resolve));
    }
    expect((used() - before) / 1_048_576).toBeLessThan(8);
    request.end();
    expect(await reading).toHaveLength(300_000);
  });
});
