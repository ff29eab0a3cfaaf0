// Apache Airflow 3 (REST v2): api-server, scheduler, dag-processor, LocalExecutor, PostgreSQL.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { airflowLab } from './airflow/airflow-lab.js';

const PORT = 18083;
const PASSWORDS = { admin: 'adminpw', viewer: 'viewerpw' };

export const engine = airflowLab({
  port: PORT,
  variable: 'AIRFLOW3_ENDPOINT',
  requirements: '3.requirements.txt',
  services: {
    'api-server': ['api-server'],
    scheduler: ['scheduler', '--skip-serve-logs'],
    'dag-processor': ['dag-processor'],
  },
  environment: (home) => ({
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `http://127.0.0.1:${PORT}/execution/`,
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS: 'admin:admin,viewer:viewer',
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE: join(home, 'passwords.json'),
    AIRFLOW__API__HOST: '127.0.0.1',
    AIRFLOW__API__PORT: String(PORT),
    AIRFLOW__API__WORKERS: '1',
    AIRFLOW__API__BASE_URL: `http://127.0.0.1:${PORT}`,
    AIRFLOW__API__SECRET_KEY: 'lab',
    // Without a fixed one every restart ends all tokens.
    AIRFLOW__API_AUTH__JWT_SECRET: 'a-secret-of-the-lab-with-at-least-sixty-four-bytes-in-it-0123456789',
    AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL: '2',
    AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL: '1',
    AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL: '5',
  }),
  prepare: async (lab, { home, airflow, env }) => {
    await writeFile(join(home, 'passwords.json'), JSON.stringify(PASSWORDS), { mode: 0o600 });
    await lab.run(airflow, ['db', 'migrate'], { env, log: 'database' });
  },
  isReady: async (url) => {
    const health = await (await fetch(`${url}/api/v2/monitor/health`)).json();
    if (health.scheduler?.status !== 'healthy' || health.dag_processor?.status !== 'healthy') return false;
    const credentials = { username: 'admin', password: PASSWORDS.admin };
    const headers = { 'content-type': 'application/json' };
    const login = await fetch(`${url}/auth/token`, { method: 'POST', headers, body: JSON.stringify(credentials) });
    return login.status === 201;
  },
});
