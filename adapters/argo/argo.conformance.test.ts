import { test } from '@jest/globals';
import { describeConformance } from '../conformance/describe-conformance.js';
import { argoEndpoint, NOT_UP } from './argo-endpoint.test-support.js';
import { argoHarness } from './argo-lab.test-support.js';

/** Argo deletes the failed pods of a workflow that it retries; argo-engine.test.ts holds it to the rest of this case. */
const LOG_IS_GONE = {
  reason: "Argo's retry deletes the pod of the failed attempt, and its log with it",
  cases: ['retry restarts the failed part, keeps earlier attempts, and changes the baseline'],
};

const endpoint = argoEndpoint();
if (endpoint) {
  await describeConformance('argo', () => argoHarness(endpoint, 'server'), { skip: [LOG_IS_GONE] });
} else {
  process.stdout.write(`\nthe conformance of argo is not shown: ${NOT_UP}\n`);
  test.skip(`the conformance of argo (${NOT_UP})`, () => undefined);
}
