/** A real Airflow that is recorded. */
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { airflowFixture } from '../../../adapters/airflow/airflow-fixtures.test-support.js';
import { airflowPeople } from '../../../adapters/airflow/airflow-people.test-support.js';
import { AirflowClient } from '../../../adapters/airflow/airflow-client.js';
import { airflowAdapter } from '../../../adapters/airflow/airflow.adapter.js';
import { readAirflowOptions } from '../../../adapters/airflow/airflow-options.js';
import { portableFixture } from '../../../adapters/conformance/portable-fixtures.js';
import { callContext } from '../../../adapters/conformance/world.js';
import { unlessAbsent } from '../../../adapters/spi/engine-error.js';
import { ENGINE_URL } from './clean-recording.js';
import { Recorder } from './recorder.js';
import type { Dialect } from './recording.js';
import { INSTALLATION } from './recording-stage.js';
import type { RecordingStage } from './recording-stage.js';

export async function airflowStage(dialect: Dialect, endpoint: Record<string, unknown>): Promise<RecordingStage> {
  const options = readAirflowOptions(endpoint);
  const dagsFolder = String(endpoint['dagsFolder']);
  const client = new AirflowClient(options);
  const people = airflowPeople(client, dagsFolder);
  const recorder = await Recorder.start({ url: options.url });
  return {
    dialect,
    recorder,
    connect: async () =>
      airflowAdapter(readAirflowOptions({ ...endpoint, url: recorder.url }), { installationId: INSTALLATION }),
    native: (fixture) => ({ format: 'native', text: airflowFixture(fixture) }),
    compiled: portableFixture,
    broken: { format: 'native', text: `import nothing_of_this_name\n${airflowFixture('linear')}` },
    people,
    forgetSentinel: async () => {
      await unlessAbsent(client.delete(`/variables/signalbox-${INSTALLATION}`, callContext()));
    },
    places: {
      texts: [
        [recorder.url, ENGINE_URL],
        [options.url, ENGINE_URL],
        [dirname(dagsFolder), 'LAB'],
        [hostname(), 'worker.example'],
      ],
    },
    close: async () => {
      await people.withdraw();
      client.close();
      await recorder.close();
    },
  };
}
