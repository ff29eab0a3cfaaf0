/** What people do on a real Airflow: put a file into its folder of DAGs, start a run by hand. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { People } from '../conformance/people.js';
import { callContext } from '../conformance/world.js';
import { unlessAbsent } from '../spi/engine-error.js';
import type { AirflowClient } from './airflow-client.js';
import { airflowFixture } from './airflow-fixtures.test-support.js';
import { readDag } from './registration.js';
import { DAG_ID_TOKEN, externalIdOf } from './dag-name.js';
import { readRun } from './to-run.js';

const PATIENCE_MS = 120_000;

/** `withdraw` takes everything away again, DAGs with their runs. */
export function airflowPeople(client: AirflowClient, dagsFolder: string): People & { withdraw(): Promise<void> } {
  const offered: string[] = [];
  return {
    offer: async (fixture, name, label) => {
      offered.push(name);
      const tags = label === undefined ? '' : `, tags=["${label.value}"]`;
      const text = airflowFixture(fixture)
        .replaceAll(DAG_ID_TOKEN, name)
        .replace('catchup=False', `catchup=False${tags}`);
      await writeFile(join(dagsFolder, `${name}.py`), text);
      const { dialect } = await client.version(callContext());
      for (const end = Date.now() + PATIENCE_MS; ; await sleep(500)) {
        const dag = await unlessAbsent(readDag(client, name, callContext()));
        if (dag && dialect.isParsed(dag)) break;
        if (Date.now() > end) throw new Error(`Airflow has not parsed ${name}`);
      }
      await client.patch(`/dags/${name}?update_mask=is_paused`, { is_paused: false }, callContext());
      return name;
    },
    start: async (dagId) => {
      const { dialect } = await client.version(callContext());
      // As Airflow's own pages do it: the run id is Airflow's.
      const date = dialect.prefix === '/api/v2' ? { logical_date: null } : {};
      const run = readRun(
        await client.post(`/dags/${dagId}/dagRuns`, { ...date, conf: { by: 'hand' } }, callContext()),
      );
      return externalIdOf(dagId, run.runId);
    },
    withdraw: async () => {
      for (const name of offered) {
        await rm(join(dagsFolder, `${name}.py`), { force: true });
        await unlessAbsent(client.delete(`/dags/${name}`, callContext()));
      }
    },
  };
}
