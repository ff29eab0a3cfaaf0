import { test } from '@jest/globals';
import { describeConformance } from '../conformance/describe-conformance.js';
import { argoEndpoint, NOT_UP } from './argo-endpoint.test-support.js';
import { argoHarness } from './argo-lab.test-support.js';

const endpoint = argoEndpoint();
if (endpoint) {
  await describeConformance('argo-kubernetes', () => argoHarness(endpoint, 'kubernetes'));
} else {
  process.stdout.write(`\nthe conformance of argo through the Kubernetes API is not shown: ${NOT_UP}\n`);
  test.skip(`the conformance of argo through the Kubernetes API (${NOT_UP})`, () => undefined);
}
