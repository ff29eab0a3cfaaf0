import type { EngineKind } from '../spi/engine-kind.js';
import { airflowAdapter } from './airflow.adapter.js';
import { readAirflowOptions } from './airflow-options.js';

/** Airflow 2 and 3, told apart when first called: the service starts where Airflow is down. */
export const airflowEngine: EngineKind = {
  kind: 'airflow',
  create: async (options, host) => airflowAdapter(readAirflowOptions(options), host),
};
