import { conformsWhereItRuns } from './airflow-conformance.test-support.js';

await conformsWhereItRuns('airflow2', 'AIRFLOW2_ENDPOINT', 'compiled');
