// Apache Airflow 2 (REST v1): webserver, scheduler, LocalExecutor, PostgreSQL.
import { airflowLab } from './airflow/airflow-lab.js';

const PORT = 18082;

export const engine = airflowLab({
  port: PORT,
  variable: 'AIRFLOW2_ENDPOINT',
  requirements: '2.requirements.txt',
  services: { webserver: ['webserver'], scheduler: ['scheduler', '--skip-serve-logs'] },
  environment: () => ({
    AIRFLOW__API__AUTH_BACKENDS: 'airflow.api.auth.backend.basic_auth',
    AIRFLOW__WEBSERVER__SECRET_KEY: 'lab',
    AIRFLOW__WEBSERVER__WEB_SERVER_HOST: '127.0.0.1',
    AIRFLOW__WEBSERVER__WEB_SERVER_PORT: String(PORT),
    AIRFLOW__WEBSERVER__WORKERS: '1',
    AIRFLOW__WEBSERVER__WORKER_CLASS: 'gthread',
    AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL: '2',
    AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL: '5',
  }),
  prepare: async (lab, { airflow, python, env, databaseUrl }) => {
    await lab.run(airflow, ['db', 'migrate'], { env, log: 'database' });
    const admin = [
      'users',
      'create',
      '-u',
      'admin',
      '-p',
      'adminpw',
      '-r',
      'Admin',
      '-f',
      'a',
      '-l',
      'b',
      '-e',
      'a@b.c',
    ];
    await lab.run(airflow, admin, { env, log: 'database' });
    // The password is checked in every call; Airflow's own hash takes a tenth of a second of processor time.
    await lab.run(python, ['-c', CHEAP_HASH, databaseUrl], { env, log: 'database' });
  },
  isReady: async (url) => {
    const health = await (await fetch(`${url}/health`)).json();
    if (health.scheduler?.status !== 'healthy') return false;
    const authorization = `Basic ${Buffer.from('admin:adminpw').toString('base64')}`;
    return (await fetch(`${url}/api/v1/dags?limit=1`, { headers: { authorization } })).ok;
  },
});

const CHEAP_HASH = `
import sys, psycopg2
from werkzeug.security import generate_password_hash
connection = psycopg2.connect(sys.argv[1])
digest = generate_password_hash("adminpw", method="pbkdf2:sha256:1000")
with connection, connection.cursor() as cursor:
    cursor.execute("update ab_user set password = %s where username = 'admin'", (digest,))
`;
