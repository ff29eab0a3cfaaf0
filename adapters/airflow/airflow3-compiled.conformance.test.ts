import { conformsWhereItRuns } from './airflow-conformance.test-support.js';

await conformsWhereItRuns('airflow3', 'AIRFLOW3_ENDPOINT', 'compiled');
