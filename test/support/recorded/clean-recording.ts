/** Takes out of a recording what no file of a repository may hold: secrets, people, and places of the machine. Pure. */
import type { Json } from '../../../definition/definition-types.js';
import type { Exchange, Recording } from './recording.js';

/** Stands for the recorder's address; a replay puts its own there. */
export const ENGINE_URL = 'http://engine.example';

const claims = (told: object): string => Buffer.from(JSON.stringify(told)).toString('base64url');
/** Of the shape of a token: it says that it holds for a day, and nobody signed it. */
export const TOKEN = `${claims({ alg: 'none' })}.${claims({ iat: 0, exp: 86_400 })}.recorded`;

/** What stands in the place of a field's value, wherever the field stands. */
const REPLACED: Record<string, string> = {
  access_token: TOKEN,
  triggering_user_name: 'somebody',
};
/** Read by nobody, and together more than all the rest. What is new is left out by no name, and found by its test. */
const LEFT_OUT = new Set([
  // Of Kubernetes and Argo: bookkeeping, what pods execute, copies of templates.
  ...['managedFields', 'kubectl.kubernetes.io/last-applied-configuration', 'storedTemplates', 'resourcesDuration'],
  ...['args', 'command', 'resources', 'ttlStrategy', 'artifactRepositoryRef', 'artifactGCStatus', 'conditions'],
  ...['progress', 'templateScope', 'taskResultSynced', 'outboundNodes', 'initContainers', 'volumes', 'volumeMounts'],
  ...['displayName', 'inputs', 'generation', 'hostNodeName', 'gitCommit', 'gitTag', 'gitTreeState', 'buildDate'],
  ...['goVersion', 'compiler', 'platform'],
  // Of Airflow: sources, versions, pages for people, how tasks are queued.
  ...['file_token', 'dag_versions', 'dag_version', 'dag_display_name', 'bundle_name', 'bundle_version', 'bundle_url'],
  ...['executor', 'executor_config', 'rendered_fields', 'rendered_map_index', 'trigger', 'triggerer_job', 'sla_miss'],
  ...['pool', 'pool_slots', 'queue', 'priority_weight', 'queued_at', 'queued_when', 'scheduled_when', 'execution_date'],
  ...[
    'data_interval_start',
    'data_interval_end',
    'last_scheduling_decision',
    'duration',
    'class_ref',
    'template_fields',
  ],
  ...[
    'git_version',
    'operator',
    'triggered_by',
    'unixname',
    'hostname',
    'max_tries',
    'last_parsed_time',
    'last_expired',
  ],
  ...['next_dagrun_create_after', 'next_dagrun_data_interval_start', 'next_dagrun_data_interval_end', 'pickle_id'],
  ...['root_dag_id', 'is_subdag', 'max_active_tasks', 'max_consecutive_failed_dag_runs', 'scheduler_lock'],
  ...['timetable_summary', 'timetable_description', 'ui_color', 'ui_fgcolor', 'doc_md', 'owner_links', 'default_view'],
]);
/** Lines of a page for people that are kept. */
const PAGE_LINES = 3;

/** As programs call their own. */
const TEMPORARY = /\/tmp\/tmp\w+/g;

export interface Places {
  /** Texts of this machine and of the lab, each with what stands for it. */
  texts: readonly (readonly [text: string, stand: string])[];
}

export function cleanRecording(recording: Recording, { texts }: Places): Recording {
  const { call, exchanges, ...rest } = recording;
  const heard = exchanges.map((one) => (isPage(one) ? { ...one, lines: (one.lines ?? []).slice(0, PAGE_LINES) } : one));
  // The longest first: one may be the beginning of another.
  const ordered = [...texts].sort(([a], [b]) => b.length - a.length);
  const clean = (value: Json): Json => replaced(cleanFields(value), ordered);
  // What is given are definitions too: they stay whole.
  return {
    ...(clean({ ...rest }) as unknown as Pick<Recording, 'engine' | 'outcome'>),
    call: { ...call, given: call.given.map((one) => replaced(one, ordered)) },
    exchanges: clean(heard as unknown as Json) as unknown as Exchange[],
  };
}

function isPage({ headers }: Exchange): boolean {
  return (headers['content-type'] ?? '').startsWith('text/html');
}

function cleanFields(value: Json): Json {
  if (Array.isArray(value)) return value.map(cleanFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]): [string, Json][] => {
      if (LEFT_OUT.has(name)) return [];
      const stand = typeof one === 'string' && one !== '' ? REPLACED[name] : undefined;
      return [[name, stand ?? cleanFields(one)]];
    }),
  );
}

function replaced(value: Json, texts: Places['texts']): Json {
  let text = JSON.stringify(value);
  for (const [one, stand] of texts) text = text.replaceAll(JSON.stringify(one).slice(1, -1), stand);
  text = text.replaceAll(TEMPORARY, 'LAB/tmp');
  return JSON.parse(text) as Json;
}
