/** What befalls a real Argo of the engine lab: npm run test:engines -- argo --faults. */
import { test } from '@jest/globals';
import { argoEndpoint, NOT_UP } from '../../adapters/argo/argo-endpoint.test-support.js';
import { describeFaults } from './describe-faults.js';
import { troubledArgo } from './troubled-argo.js';

const endpoint = argoEndpoint();
if (endpoint) describeFaults('argo', await troubledArgo(endpoint));
else test.skip(`what befalls argo (${NOT_UP})`, () => undefined);
