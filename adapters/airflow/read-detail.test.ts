import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { readDetail } from './read-detail.js';

const RUN = '/api/v2/dags/etl/dagRuns/sb-x-g1';
const OWN = 'https://airflow.apache.org/docs/apache-airflow/2.11.2/stable-rest-api-ref.html#section/Errors/NotFound';

describe('a positive not-found', () => {
  const rows: [reason: string, body: Json, path: string, absent: boolean][] = [
    ['3: the run is named', { detail: 'The DagRun with dag_id: `etl` and run_id: `sb-x-g1` was not found' }, RUN, true],
    [
      '3: the variable is named',
      { detail: 'The Variable with key: `mine` was not found' },
      '/api/v2/variables/mine',
      true,
    ],
    ['3: a task instance is not', { detail: 'TaskInstance not found' }, `${RUN}/taskInstances/t/logs/1`, true],
    ['3: no such route', { error: 'API route not found' }, RUN, false],
    ['a framework says that it has no such route', { detail: 'Not Found' }, RUN, false],
    ['somebody says that somebody else is missing', { detail: 'The upstream web-7 was not found' }, RUN, false],
    ['words of the route are no names', { detail: 'dagRuns not found' }, RUN, false],
    ['2: of its own type, whatever it says', { detail: null, title: 'TaskInstance not found', type: OWN }, RUN, true],
    [
      '2: an unknown route',
      { detail: 'The requested URL was not found on the server.', title: 'Not Found', type: 'about:blank' },
      RUN,
      false,
    ],
    ['2: an unknown route that repeats the path', { title: 'sb-x-g1 not found', type: 'about:blank' }, RUN, false],
    ['a proxy that knows no JSON of Airflow', { message: 'sb-x-g1 not found' }, RUN, false],
  ];
  test.each(rows)('%s', (_reason, body, path, absent) => {
    expect(readDetail(body, 404, path).absent ?? false).toBe(absent);
  });

  test('no other status is one', () => {
    expect(readDetail({ detail: 'The DagRun with run_id: `sb-x-g1` was not found' }, 400, RUN).absent).toBe(false);
  });
});

describe('the sentence of a refusal', () => {
  const rows: [reason: string, body: Json, message: string | undefined][] = [
    ['a text', { detail: 'Invalid input for param x' }, 'Invalid input for param x'],
    [
      'a validation',
      { detail: [{ type: 'x', loc: ['body', 'conf'], msg: 'Input should be an object' }] },
      'body.conf: Input should be an object',
    ],
    [
      'a clash in the database',
      { detail: { reason: 'Unique constraint violation', statement: 'hidden' } },
      'Unique constraint violation',
    ],
    ['2: a title where the detail is null', { detail: null, title: 'Forbidden' }, 'Forbidden'],
    ['nothing that Airflow would say', { error: 'x' }, undefined],
    ['no object', ['x'], undefined],
  ];
  test.each(rows)('%s', (_reason, body, message) => {
    expect(readDetail(body, 400, RUN).message).toBe(message);
  });
});
