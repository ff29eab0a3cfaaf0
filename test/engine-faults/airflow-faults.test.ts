/** What befalls a real Airflow of the engine lab: npm run test:engines -- airflow3 --faults. */
import { test } from '@jest/globals';
import { endpointOf } from '../../adapters/airflow/airflow-conformance.test-support.js';
import { describeFaults } from './describe-faults.js';
import { troubledAirflow } from './troubled-airflow.js';

const ENGINES = [
  ['airflow3', 'AIRFLOW3_ENDPOINT'],
  ['airflow2', 'AIRFLOW2_ENDPOINT'],
] as const;

for (const [name, variable] of ENGINES) {
  const endpoint = endpointOf(variable);
  if (endpoint) describeFaults(name, troubledAirflow(name, endpoint));
  else test.skip(`what befalls ${name} (${variable} is not set: npm run test:engines -- ${name})`, () => undefined);
}
