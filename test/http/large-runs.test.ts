import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PARAMETERS_LIMIT_BYTES } from '../../src/lifecycle/parameters-limit.js';
import type { Api } from '../support/api.js';
import { createWorkflow, startMemoryApp, type MemoryApp } from '../support/memory-app.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api;
  const form = (type: string) => ({ type, title: 't', description: '', required: false });
  await createWorkflow(api, 'large', {
    workflow_parameters: [
      { env_variable_name: 'TEXT', ui_form: form('str') },
      { env_variable_name: 'TREE', ui_form: form('object') },
    ],
  });
});
afterAll(() => memory.close());

/** `{"TEXT": "..."}` of so many bytes. */
const textOf = (bytes: number): object => ({ TEXT: 'x'.repeat(bytes - '{"TEXT": ""}'.length) });

describe('parameters of a run', () => {
  test('may be as large as the limit, and not a byte larger', async () => {
    const start = (parameters: object) => api.post('/workflow-runs', { workflow: { title: 'large' }, parameters });
    expect((await start(textOf(PARAMETERS_LIMIT_BYTES))).status).toBe(201);
    const refused = await start(textOf(PARAMETERS_LIMIT_BYTES + 1));
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({
      code: 'parameters-invalid',
      errors: [{ pointer: '/parameters/TEXT', code: 'parameters-too-large' }],
    });
  });

  test('count as they are shown: a number with every digit', async () => {
    const TREE = { list: Array.from({ length: 10_000 }, () => 1e308) };
    const body = { workflow: { title: 'large' }, parameters: { TEXT: 'small', TREE } };
    expect(JSON.stringify(body).length).toBeLessThan(PARAMETERS_LIMIT_BYTES);
    const refused = await api.post('/workflow-runs', body, { key: 'many-digits' });
    expect(refused.status).toBe(422);
    expect(refused.body['errors']).toEqual([
      {
        pointer: '/parameters/TREE',
        code: 'parameters-too-large',
        message: `The parameters take 3110037 bytes as they are shown, with every digit of a number; together they may take ${PARAMETERS_LIMIT_BYTES}. The largest is "TREE" with 3110010.`,
      },
    ]);
  });
});
