// What Airflow 2 and 3 have in common in the lab: environment, folders, the order of things.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { databaseFolder, databaseUrl, stopDatabase } from '../lab/postgres.js';
import { pythonEnvironment } from '../lab/python.js';

/**
 * As whoever runs an Airflow would have it: the dag-processor of 3.3.2 ends with `StaleDataError` when a DAG is deleted while it
 * stores what it has parsed.
 */
const RESTARTS = 20;

/** `kind` tells what the versions do not share; see airflow2.js and airflow3.js. */
export function airflowLab(kind) {
  const url = `http://127.0.0.1:${kind.port}`;
  const services = Object.keys(kind.services);

  return {
    async up(lab) {
      const requirements = fileURLToPath(new URL(kind.requirements, import.meta.url));
      const programs = await pythonEnvironment(lab, requirements);
      const { home, dags } = foldersOf(lab);
      await mkdir(dags, { recursive: true });
      await mkdir(home, { recursive: true });
      const database = await databaseUrl(lab, 'airflow');
      const env = environment(kind, lab, programs, database);
      const airflow = join(programs, 'airflow');
      if ((await this.status(lab)).state !== 'up') {
        lab.say('preparing the database ...');
        const python = join(programs, 'python');
        await kind.prepare(lab, { home, airflow, python, env, databaseUrl: database });
      }
      for (const service of services) {
        await lab.start(service, airflow, kind.services[service], env, { restarts: RESTARTS });
      }
      lab.say('starting ...');
      await lab.until(`${url} answers`, services, () => kind.isReady(url));
      await writeFile(endpointOf(lab), JSON.stringify(optionsOf(lab, url), null, 2), { mode: 0o600 });
    },

    async down(lab) {
      for (const service of [...services].reverse()) await lab.stop(service);
      await stopDatabase(lab);
    },

    async status(lab) {
      const running = await Promise.all(services.map((service) => lab.running(service)));
      const count = running.filter((pid) => pid !== undefined).length;
      if (count === 0) return { state: 'down' };
      const state = count === services.length ? 'up' : 'partly up';
      return { state, url, options: optionsOf(lab, url), variable: kind.variable, endpoint: endpointOf(lab) };
    },

    services,
    memory: async (lab) => [await databaseFolder(lab)],
    logs: (lab) => ['install', 'database', ...services].map((service) => lab.logOf(service)),
  };
}

function foldersOf(lab) {
  return { home: join(lab.folder, 'home'), dags: join(lab.folder, 'dags') };
}

const endpointOf = (lab) => join(lab.folder, 'endpoint.json');

/** As the engine's section of ENGINES_FILE has them. */
function optionsOf(lab, url) {
  return { url, username: 'admin', password: 'adminpw', dagsFolder: foldersOf(lab).dags };
}

function environment(kind, lab, programs, database) {
  const { home, dags } = foldersOf(lab);
  return {
    PATH: `${programs}:${process.env.PATH ?? ''}`,
    HOME: process.env.HOME ?? '/',
    LANG: 'C.UTF-8',
    AIRFLOW_HOME: home,
    AIRFLOW__CORE__DAGS_FOLDER: dags,
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: database.replace('postgresql:', 'postgresql+psycopg2:'),
    AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
    // As in production, so that what Signalbox does about it is seen.
    AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: 'True',
    AIRFLOW__CORE__EXECUTOR: 'LocalExecutor',
    AIRFLOW__CORE__PARALLELISM: '8',
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL: '0',
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL: '0',
    AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: '0.2',
    ...kind.environment(home),
    ...ownSettings(),
  };
}

/** What whoever calls `up` says about Airflow in Airflow's own variables goes before what the lab says. */
function ownSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('AIRFLOW__')));
}
