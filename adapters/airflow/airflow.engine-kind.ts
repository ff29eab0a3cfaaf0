import type { EngineKind } from '../spi/engine-kind.js';
import { airflowAdapter } from './airflow.adapter.js';
import { readAirflowOptions } from './airflow-options.js';
import { compileDefinition } from './compile/compile-definition.js';
import { runtimeCode } from './compile/runtime-code.js';

/** Airflow 2 and 3, told apart when first called: the service starts where Airflow is down. */
export const airflowEngine: EngineKind = {
  kind: 'airflow',
  compile: (text) => compileDefinition(text, runtimeCode()),
  create: async (options, host) => airflowAdapter(readAirflowOptions(options), host),
};
