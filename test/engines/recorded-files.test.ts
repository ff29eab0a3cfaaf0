/** What a recorded file may not hold, and how much of it there may be. */
import { describe, expect, test } from '@jest/globals';
import { TOKEN } from '../support/recorded/clean-recording.js';
import { DIALECTS, readRecordings, textsOf } from '../support/recorded/recording.js';

/** Together; what is new in an answer and long belongs to what is left out. */
const LIMIT_BYTES = 800_000;

const FORBIDDEN: { reason: string; pattern: RegExp }[] = [
  { reason: 'a header that says who asks', pattern: /"(proxy-)?(authorization|cookie|set-cookie|x-api-key)"/i },
  { reason: 'credentials', pattern: /\b(bearer|basic) [A-Za-z0-9+/=_.-]{8,}/i },
  {
    reason: 'a password, or a key',
    pattern: /"[a-z_-]*(passwd|password|secret|private_key|api_key)[a-z_-]*"\s*:\s*"[^"]/i,
  },
  { reason: 'a signed token', pattern: /\beyJ[\w-]+\.[\w-]+\.[\w-]*/ },
  { reason: 'a certificate', pattern: /-----BEGIN|LS0tLS1CRUdJTi/ },
  { reason: 'the folder of a person', pattern: /(?<![\w./-])\/(root|home|Users)\/\w/ },
  {
    reason: 'a folder of this machine',
    pattern: /(?<![\w.-])\/(tmp|work|opt|mnt|srv|var|usr|etc|private)\/[^/"\s]+\/[^/"\s]/,
  },
  { reason: 'a temporary folder', pattern: /\/tmp\/tmp\w/ },
  { reason: 'the folder of the lab', pattern: /\.cache\b|node_modules/ },
  { reason: 'an address of the network', pattern: /(?<![\d.])(\d{1,3}\.){3}\d{1,3}(?![\d.])/ },
  { reason: 'an address of a person', pattern: /[\w.+-]+@[a-z0-9-]+\.[a-z]{2,}/i },
];

describe.each(DIALECTS)('files of %s', (dialect) => {
  test.each(FORBIDDEN)('hold nothing like $reason', ({ pattern }) => {
    const found = [...textsOf(dialect)].flatMap(([scenario, text]) => {
      const match = pattern.exec(text.replaceAll(TOKEN, ''));
      return match ? [`${scenario}: ${text.slice(Math.max(0, match.index - 40), match.index + 80)}`] : [];
    });
    expect(found).toEqual([]);
  });

  test('were recorded of one version of the engine', () => {
    expect(new Set([...readRecordings(dialect).values()].map(({ engine }) => engine)).size).toBe(1);
  });
});

test('are no more than a reader of the repository will bear', () => {
  const sizes = DIALECTS.flatMap((dialect) => [...textsOf(dialect).values()].map((text) => text.length));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(LIMIT_BYTES);
});

test.each(FORBIDDEN)('$reason would be found', ({ reason, pattern }) => {
  expect(pattern.test(EXAMPLES[reason] ?? '')).toBe(true);
});

const EXAMPLES: Record<string, string> = {
  'a header that says who asks': '"headers": {"set-cookie":"session=1"}',
  credentials: 'Bearer abcdefgh12345678',
  'a password, or a key': '"db_password": "x"',
  'a signed token': 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
  'a certificate': '-----BEGIN CERTIFICATE-----',
  'the folder of a person': '"/root/x"',
  'a folder of this machine': 'File "/opt/airflow/dags/x.py"',
  'a temporary folder': '/tmp/tmpx7_',
  'the folder of the lab': '.cache/signalbox',
  'an address of the network': '"10.88.0.3"',
  'an address of a person': 'a.b@example.org',
};
