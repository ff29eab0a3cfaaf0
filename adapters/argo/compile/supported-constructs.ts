import type { Construct, SupportedConstructs } from '../../../definition/constructs.js';
import { CONSTRUCTS } from '../../../definition/constructs.js';
import type { SupportEntry, SupportTable } from '../../spi/compilation.js';

const native = (how: string): SupportEntry => ({ support: 'native', how });
const emulated = (how: string): SupportEntry => ({ support: 'emulated', how });
const ignored = (how: string): SupportEntry => ({ support: 'ignored', how });
const refused = (how: string): SupportEntry => ({ support: 'refused', how });

const COMMANDS_ONLY = 'put it into the image, and start it with command';

/** What becomes of each construct on Argo. */
export const ARGO_CONSTRUCTS: SupportTable = {
  params: native('arguments of the workflow, as base64 of JSON'),
  run: native('a container; the text is the argument of its shell'),
  command: native('a container'),
  args: native('arguments of the command'),
  python: refused(COMMANDS_ONLY),
  node: refused(COMMANDS_ONLY),
  image: native('of the container'),
  workflow: refused('start the other workflow through the API'),
  wait: refused('run: sleep'),
  needs: native('depends'),
  references: native('expressions over arguments and output parameters'),
  infer: refused('write the references'),
  with: refused('use args or env'),
  inputs: refused('hand small values on as outputs; keep files where every pod reaches them'),
  outputs: native('output parameters, as base64 of what the task wrote; code of ours in the pod checks it'),
  artifacts: refused('keep files where every pod reaches them, and hand on their place as an output'),
  handlers: refused('write outputs as JSON'),
  retry: native('retryStrategy'),
  timeout: emulated("a clock in the pod, from the command's start on"),
  runTimeout: native('activeDeadlineSeconds, rounded up to whole seconds'),
  maxParallel: native('parallelism: pods at once'),
  allowFailure: emulated('a last node decides how the run ends'),
  skipExitCode: emulated('the pod ends well and says so in an output parameter'),
  when: native('an expression with the same answers'),
  trigger: native('depends; an expression where a task needs one that fans out or may skip itself'),
  foreach: native(
    'withParam after a node that looks at trigger and condition; for maxParallel items take turns at locks',
  ),
  failFast: refused('leave it out: Argo cannot end the other items of a run that goes on'),
  env: emulated('set by code of ours in the pod, over what the image sets'),
  secrets: refused('let the command read them where the service account of the pod may'),
  resources: native('requests and limits of the container'),
  placement: refused('say it in workflowDefaults of the controller'),
  schedules: refused('leave schedules out, or start runs through the API'),
  cache: refused('leave cache out'),
  dependencies: refused('install them in the image'),
  finally: refused('a task that needs all others, with trigger: all-done'),
  runOutputs: emulated('resolved by the adapter from the output parameters'),
  concurrency: refused('leave concurrency out'),
  targets: ignored('no setting of this engine is read from the definition'),
};

export const ARGO_SUPPORTS: SupportedConstructs = {
  executes: withSupport('native', 'emulated'),
  ignores: withSupport('ignored'),
  instead: Object.fromEntries([...withSupport('refused')].map((name) => [name, ARGO_CONSTRUCTS[name].how])),
};

function withSupport(...wanted: readonly string[]): ReadonlySet<Construct> {
  return new Set(CONSTRUCTS.filter((construct) => wanted.includes(ARGO_CONSTRUCTS[construct].support)));
}
