import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AirflowClient } from '../../adapters/airflow/airflow-client.js';
import { readAirflowOptions } from '../../adapters/airflow/airflow-options.js';
import { ownDag } from '../../adapters/airflow/dag-name.js';
import type { CallContext } from '../../adapters/spi/engine-adapter.js';
import { continueTrace, makeTraceparent } from '../../src/platform/trace.js';
import { processesOf, type RealEngine } from './real-engine.js';

const PAGE = 100;
const CALL_MS = 30_000;

/** One run at a time works, all others wait in line. */
const WAITING = `
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator
with DAG("SIGNALBOX_DAG_ID", start_date=datetime(2024, 1, 1), schedule=None, catchup=False, max_active_runs=1):
    BashOperator(task_id="wait", bash_command="sleep 36000")
`;

export function realAirflow(name: string, endpoint: Record<string, unknown>): RealEngine {
  const client = new AirflowClient(readAirflowOptions(endpoint));
  const folder = String(endpoint['dagsFolder']);
  const logs = join(folder, '..', 'home', 'logs');
  return {
    name,
    kind: 'airflow',
    url: String(endpoint['url']),
    options: (url) => ({ ...endpoint, url }),
    task: {},
    waiting: WAITING,
    executions: async (externalId) => {
      const [dagId = ''] = externalId.split('/');
      const found = new Set<string>();
      for (let offset = 0; ; offset += PAGE) {
        const path = `/dags/${encodeURIComponent(dagId)}/dagRuns?limit=${PAGE}&offset=${offset}`;
        const { dag_runs: runs } = (await client.get(path, callContext())) as { dag_runs: { dag_run_id: string }[] };
        for (const run of runs) found.add(`${dagId}/${run.dag_run_id}`);
        if (runs.length < PAGE) return found;
      }
    },
    working: async (_, command) => processesOf(command).length,
    loseTask: async (externalId) => {
      const [dagId = '', runId = ''] = externalId.split('/');
      await rm(join(logs, `dag_id=${dagId}`, `run_id=${runId}`), { recursive: true });
    },
    removeAllOf: async (installationId) => {
      const prefix = ownDag(installationId, { id: '', title: '', version: 0 }).replace(/_v0_w$/, '');
      const files = (await readdir(folder)).filter((file) => file.startsWith(prefix));
      for (const file of files) await rm(join(folder, file), { force: true });
    },
    close: async () => client.close(),
  };
}

function callContext(): CallContext {
  return {
    signal: AbortSignal.timeout(CALL_MS),
    timeoutMs: CALL_MS,
    traceparent: makeTraceparent(continueTrace(undefined)),
  };
}
