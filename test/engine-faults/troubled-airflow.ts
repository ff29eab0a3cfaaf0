import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirflowClient } from '../../adapters/airflow/airflow-client.js';
import { readAirflowOptions } from '../../adapters/airflow/airflow-options.js';
import { runPath } from '../../adapters/airflow/dialect.js';
import { confOf, markerOf } from '../../adapters/airflow/marks.js';
import { callContext } from '../../adapters/conformance/world.js';
import { unlessAbsent } from '../../adapters/spi/engine-error.js';
import type { JsonObject } from '../../adapters/spi/http/read-answer.js';
import { processesOf } from '../real-engines/real-engine.js';
import { realAirflow } from '../real-engines/real-airflow.js';
import { engineLab } from '../support/engine-lab.js';
import { until } from '../support/until.js';
import type { OnEngine, TroubledEngine } from './troubled-engine.js';

/** Services of the lab that are one part each. */
const PARTS = {
  airflow2: { interface: 'webserver', scheduler: 'scheduler', parser: undefined },
  airflow3: { interface: 'api-server', scheduler: 'scheduler', parser: 'dag-processor' },
} as const;

/** A task whose process went with the engine is given up after five minutes otherwise (3.3.2, 2.11.2). */
const GIVES_UP_SOON = {
  AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '40',
  AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD: '40',
};

const UNREADABLE = `
from airflow import DAG
raise ValueError("out of order, SIGNALBOX_DAG_ID")
`;

export function troubledAirflow(name: 'airflow2' | 'airflow3', endpoint: Record<string, unknown>): TroubledEngine {
  const client = new AirflowClient(readAirflowOptions(endpoint));
  const dags = String(endpoint['dagsFolder']);
  const parts = PARTS[name];
  const killing = (...services: string[]) => {
    return (): Promise<void> => engineLab('kill', name, { services });
  };
  const read = async (on: OnEngine): Promise<JsonObject | undefined> => {
    const [dagId, runId] = idsOf(on);
    return (await unlessAbsent(client.get(runPath(dagId, runId), callContext()))) as JsonObject | undefined;
  };
  const setPaused = async (on: OnEngine, paused: boolean): Promise<void> => {
    await client.patch(`/dags/${idsOf(on)[0]}?update_mask=is_paused`, { is_paused: paused }, callContext());
  };
  return {
    engine: realAirflow(name, endpoint),
    patienceMs: 120_000,
    isSubmit: isTrigger,
    isList: (bytes) =>
      /^(GET|POST) \S+\/dagRuns(\/list)?[ ?]/.test(bytes.toString('latin1', 0, 400)) && !isTrigger(bytes),
    wordOf: async (on) => (await read(on))?.['state'] as string | undefined,
    endWords: ['success', 'failed'],

    kill: {
      everything: killing(),
      interface: killing(parts.interface),
      scheduler: killing(parts.scheduler),
      parser: parts.parser
        ? killing(parts.parser)
        : { impossible: 'its scheduler reads definitions too: see the case of a dead scheduler' },
    },
    revive: () => engineLab('up', name, { env: GIVES_UP_SOON }),
    save: () => engineLab('save', name),
    restore: () => engineLab('restore', name),

    ...(name === 'airflow3' ? passwordFile(endpoint) : userPassword(endpoint)),

    plant: async (key, like, by) => {
      const { dialect } = await client.version(callContext());
      const marker = markerOf((await read(like))?.['conf']);
      if (!marker) throw new Error(`${like.externalId} is not ours`);
      const planted = { ...marker, key, ...(by === 'this-installation' ? {} : { installationId: by }) };
      const trigger = dialect.triggerBody({ runId: key, conf: confOf({}, planted, '1'), note: 'by hand' });
      await client.post(`/dags/${idsOf(like)[0]}/dagRuns`, trigger, callContext());
    },
    remove: async (on) => {
      const path = runPath(...idsOf(on));
      // Airflow 3.3 deletes no run that is active.
      await client.patch(path, { state: 'failed' }, callContext());
      await client.delete(path, callContext());
    },
    runAgain: async (on) => {
      const [dagId, runId] = idsOf(on);
      const body = { dry_run: false, dag_run_id: runId, only_failed: false, reset_dag_runs: true };
      await client.post(`/dags/${dagId}/clearTaskInstances`, body, callContext());
    },
    killWork: async (_, command) => {
      const [found] = await until(
        async () => processesOf(command),
        (pids) => pids.length > 0,
      );
      if (found !== undefined) process.kill(found, 'SIGKILL');
    },
    hold: (on) => setPaused(on, true),
    release: (on) => setPaused(on, false),
    removeDefinition: async (on) => rm(join(dags, `${idsOf(on)[0]}.py`)),
    unreadable: { text: UNREADABLE, says: 'out of order' },
    close: async () => client.close(),
  };
}

function idsOf({ externalId }: OnEngine): [dagId: string, runId: string] {
  const [dagId = '', ...rest] = externalId.split('/');
  return [dagId, rest.join('/')];
}

function isTrigger(bytes: Buffer): boolean {
  return /^POST \S+\/dags\/[^/~ ]+\/dagRuns[ ?]/.test(bytes.toString('latin1', 0, 400));
}

type Credentials = Pick<TroubledEngine, 'refuseCredentials' | 'acceptCredentials'>;

const OTHER_PASSWORD = 'another-password';

/** Airflow 3: what was given out before ends with the secret that signed it, and soon; then nobody can log in any more. */
function passwordFile(endpoint: Record<string, unknown>): Credentials {
  const file = join(String(endpoint['dagsFolder']), '..', 'home', 'passwords.json');
  const write = async (password: string): Promise<void> =>
    writeFile(file, JSON.stringify({ admin: password, viewer: 'viewerpw' }), { mode: 0o600 });
  return {
    refuseCredentials: async () => {
      await engineLab('kill', 'airflow3');
      const env = {
        AIRFLOW__API_AUTH__JWT_SECRET: 'another-secret-of-the-lab-with-at-least-sixty-four-bytes-in-it-98765',
        AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME: '10',
      };
      await engineLab('up', 'airflow3', { env });
      await write(OTHER_PASSWORD);
    },
    // The service has been told nothing new: the same password is taken again, by an engine with the lab's own settings.
    acceptCredentials: async () => {
      await write(String(endpoint['password']));
      await engineLab('kill', 'airflow3');
      await engineLab('up', 'airflow3');
    },
  };
}

/** Airflow 2 looks at the password in every call. */
function userPassword(options: Record<string, unknown>): Credentials {
  const change = async (from: string, to: string): Promise<void> => {
    const client = new AirflowClient(readAirflowOptions({ ...options, password: from }));
    try {
      const path = `/users/${String(options['username'])}`;
      const { username, first_name, last_name, email } = (await client.get(path, callContext())) as JsonObject;
      const body = { username, first_name, last_name, email, password: to };
      await client.patch(`${path}?update_mask=password`, body, callContext());
    } finally {
      client.close();
    }
  };
  return {
    refuseCredentials: () => change(String(options['password']), OTHER_PASSWORD),
    acceptCredentials: async () => {
      await change(OTHER_PASSWORD, String(options['password']));
      // The lab's own password is cheap to check; this one takes every call a tenth of a second.
      await engineLab('kill', 'airflow2');
      await engineLab('up', 'airflow2');
    },
  };
}
