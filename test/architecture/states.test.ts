import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { ACTIVE_RUN_STATES, FINAL_RUN_STATES, RUN_STATES, RUN_STATE_TABLE } from '../../src/lifecycle/run-state.js';
import { PROBLEM_CODES } from '../../src/platform/problem-catalogue.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const quoted = (text: string): string[] => [...text.matchAll(/'([A-Z]+)'/g)].map((match) => match[1] ?? '');
const sorted = (words: readonly string[]): string[] => [...words].sort();

async function definition(text: string, name: string): Promise<string> {
  const { rows } = await db.database.query<{ definition: string }>({ text, values: [name] });
  expect(rows).toHaveLength(1);
  return rows[0]?.definition ?? '';
}

const constraint = (name: string): Promise<string> =>
  definition('SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = $1', name);
const index = (name: string): Promise<string> =>
  definition('SELECT indexdef AS definition FROM pg_indexes WHERE indexname = $1', name);

describe('the table of states', () => {
  test('is the CHECK of the database', async () => {
    expect(sorted(quoted(await constraint('workflow_runs_state_check')))).toEqual(sorted(RUN_STATES));
  });

  test('says which states are final as the database does', async () => {
    expect(sorted(quoted(await constraint('finished_exactly_when_final')))).toEqual(sorted(FINAL_RUN_STATES));
  });

  test('says which states are active as the index of active runs does', async () => {
    expect(sorted(quoted(await index('workflow_runs_active')))).toEqual(sorted(ACTIVE_RUN_STATES));
  });

  test('is the enum of the API', () => {
    const document = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'));
    expect(document.components.schemas.WorkflowRun.properties.state.enum).toEqual([...RUN_STATES]);
  });

  test('lets nothing out of a final state but a retry, and every state reach a final one', () => {
    for (const state of FINAL_RUN_STATES) {
      expect(['RETRYING', 'PENDING']).toEqual(expect.arrayContaining([...RUN_STATE_TABLE[state].moves]));
    }
    for (const state of ACTIVE_RUN_STATES) {
      expect(RUN_STATE_TABLE[state].moves.some((to) => RUN_STATE_TABLE[to].final)).toBe(true);
    }
  });
});

interface DescribedOperation {
  operationId?: string;
  summary?: string;
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema: { properties: { code: { enum: string[] } } } }> }
  >;
}

describe('the API document', () => {
  const document = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'));
  const operations = Object.entries<Record<string, DescribedOperation>>(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );

  test('has an operationId of its own and a summary for every operation', () => {
    expect(operations.filter(({ operation }) => !operation.operationId || !operation.summary)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has a described success with a typed body, or none, for every operation', () => {
    const untyped = operations.filter(({ operation }) => {
      const successes = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      return successes.length === 0 || successes.some(([, answer]) => !answer.description);
    });
    expect(untyped.map(({ name }) => name)).toEqual([]);
  });

  test('has every error as application/problem+json with codes of the catalogue', () => {
    for (const { name, operation } of operations) {
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue;
        const schema = answer.content?.['application/problem+json']?.schema;
        expect([name, status, schema === undefined]).toEqual([name, status, false]);
        for (const code of schema?.properties.code.enum ?? []) expect(PROBLEM_CODES).toContain(code);
      }
    }
  });

  test('resolves every reference it makes', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    const missing = references.filter(([, name]) => !(String(name) in document.components.schemas));
    expect(missing.map(([, name]) => name)).toEqual([]);
  });
});
