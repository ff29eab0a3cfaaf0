import type { Construct, SupportedConstructs } from '../../../definition/constructs.js';
import { CONSTRUCTS } from '../../../definition/constructs.js';
import type { SupportEntry, SupportTable } from '../../spi/compilation.js';

const native = (how: string): SupportEntry => ({ support: 'native', how });
const emulated = (how: string): SupportEntry => ({ support: 'emulated', how });
const ignored = (how: string): SupportEntry => ({ support: 'ignored', how });
const refused = (how: string): SupportEntry => ({ support: 'refused', how });

const COMMANDS_ONLY = 'put it into a script that run or command starts';

/** What becomes of each construct on Airflow. */
export const AIRFLOW_CONSTRUCTS: SupportTable = {
  params: native('in the conf of the DAG run'),
  run: emulated('a process on the worker of Airflow, started by code of ours'),
  command: emulated('a process on the worker of Airflow, started by code of ours'),
  args: emulated('arguments of that process'),
  python: refused(COMMANDS_ONLY),
  node: refused(COMMANDS_ONLY),
  image: ignored('tasks run on the worker of Airflow'),
  workflow: refused('start the other workflow through the API'),
  wait: refused('run: sleep'),
  needs: native('edges of the DAG'),
  references: emulated('resolved by code of ours when the task begins; no template of Airflow sees a value'),
  infer: refused('write the references'),
  with: refused('use args or env'),
  inputs: refused('hand small values on as outputs; keep files where every worker reaches them'),
  outputs: native('XComs, as JSON'),
  artifacts: refused('keep files where every worker reaches them, and hand on their place as an output'),
  handlers: refused('write outputs as JSON'),
  retry: emulated('retries of Airflow; what to retry, and a growing delay, are decided on the worker'),
  timeout: emulated('code of ours ends the process, as the local engine does'),
  runTimeout: native('dagrun_timeout'),
  maxParallel: native('max_active_tasks'),
  allowFailure: emulated('a last task decides how the run ends'),
  skipExitCode: emulated('the task skips itself'),
  when: emulated('evaluated by code of ours when the task begins'),
  trigger: emulated('all-succeeded is all_success; the others are all_done and decided when the task begins'),
  foreach: native('dynamic task mapping, between two tasks of ours that count and collect'),
  failFast: refused('leave it out: Airflow lets the other items of a fan-out end'),
  env: emulated('the environment of the process, made from nothing'),
  secrets: refused('let the command read them where the worker may'),
  resources: ignored('those of the worker of Airflow'),
  placement: ignored('tasks run where the executor of Airflow puts them'),
  schedules: refused('leave schedules out, or start runs through the API'),
  cache: refused('leave cache out'),
  dependencies: refused('install them on the workers of Airflow'),
  finally: refused('a task that needs all others, with trigger: all-done'),
  runOutputs: emulated('a last task resolves them'),
  concurrency: refused('leave concurrency out'),
  targets: ignored('no setting of this engine is read from the definition'),
};

export const AIRFLOW_SUPPORTS: SupportedConstructs = {
  executes: withSupport('native', 'emulated'),
  ignores: withSupport('ignored'),
  instead: Object.fromEntries([...withSupport('refused')].map((name) => [name, AIRFLOW_CONSTRUCTS[name].how])),
};

function withSupport(...wanted: readonly string[]): ReadonlySet<Construct> {
  return new Set(CONSTRUCTS.filter((construct) => wanted.includes(AIRFLOW_CONSTRUCTS[construct].support)));
}
