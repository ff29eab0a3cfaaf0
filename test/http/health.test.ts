import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

test('a living process says so, and that it is ready', async () => {
  for (const path of ['/livez', '/readyz']) {
    const response = await fetch(app.url + path);
    expect([path, response.status, await response.json()]).toEqual([path, 200, { status: 'ok' }]);
  }
});

test('metrics are exposed in the Prometheus format, requests by operation among them', async () => {
  const response = await fetch(`${app.url}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  expect(text).toContain('signalbox_http_requests_total{operation="none",status="200"}');
  for (const state of ['busy', 'idle', 'waiting']) {
    expect(text).toMatch(new RegExp(`^signalbox_database_connections\\{state="${state}"\\} \\d+$`, 'm'));
  }
});
