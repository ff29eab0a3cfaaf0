-- expand
-- The record Signalbox owns: workflows, runs, executions, tasks, task runs, labels, lifecycle events.
-- States and their meaning: src/lifecycle/run-state.ts; a test holds the CHECK constraints here against that table.

-- Who we are towards engines: part of every marker, so that two installations on one engine never adopt each other's runs.
CREATE TABLE installation (
  singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  id         uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

-- Orders observations: taken before the engine is asked, applied only if greater than the row's last.
CREATE SEQUENCE observation_ticket;

CREATE TABLE engines (
  name               text PRIMARY KEY,
  kind               text NOT NULL,
  health_state       text NOT NULL DEFAULT 'UNKNOWN' CHECK (health_state IN ('UP', 'DOWN', 'UNAUTHORIZED', 'SUSPECT', 'UNKNOWN')),
  health_checked_at  timestamptz,
  health_latency_ms  double precision,
  health_detail      text,
  version            text,
  epoch              text,
  -- When executions without a row were last looked for, and up to which moment of the engine's clock its list was read.
  listed_at          timestamptz,
  listed_until       timestamptz,
  -- A complete pass of the reconciler: everything it covered and left alone was as stored at pass_began_at.
  pass_ticket        bigint,
  pass_began_at      timestamptz,
  pass_ended_at      timestamptz,
  pass_checked       integer,
  pass_changed       integer,
  pass_failed        integer
);

-- Versions are dense per title and never reused: this row outlives every version.
CREATE TABLE workflow_titles (
  project      text NOT NULL,
  title        text NOT NULL,
  last_version integer NOT NULL,
  PRIMARY KEY (project, title)
);

CREATE TABLE workflows (
  id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project             text NOT NULL,
  title               text NOT NULL,
  version             integer NOT NULL CHECK (version > 0),
  display_name        text,
  workflow_engine     text NOT NULL,
  definition_format   text NOT NULL CHECK (definition_format IN ('native', 'reference', 'signalbox/v1')),
  definition          text NOT NULL,
  definition_digest   text NOT NULL,
  workflow_parameters jsonb NOT NULL DEFAULT '[]',
  -- JSON Schema of each parameter by name: what values of a run are validated against.
  parameter_schemas   jsonb NOT NULL DEFAULT '{}',
  registration_state  text NOT NULL CHECK (registration_state IN ('PENDING', 'READY', 'FAILED', 'RETIRED')),
  diagnostics         jsonb NOT NULL DEFAULT '[]',
  registered_at       timestamptz NOT NULL DEFAULT now(),
  created_at          timestamptz NOT NULL DEFAULT now(),
  archived_at         timestamptz,
  -- The row is the queue of its own registration.
  next_action_at      timestamptz,
  lease_token         uuid,
  lease_until         timestamptz,
  attempts            integer NOT NULL DEFAULT 0,
  UNIQUE (project, title, version)
);
CREATE INDEX workflows_due ON workflows (workflow_engine, next_action_at) WHERE next_action_at IS NOT NULL;
CREATE INDEX workflows_by_project ON workflows (project, id DESC);

CREATE TABLE tasks (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workflow_id  bigint NOT NULL REFERENCES workflows ON DELETE CASCADE,
  title        text NOT NULL,
  display_name text,
  type         text,
  position     integer NOT NULL,
  UNIQUE (workflow_id, title)
);

CREATE TABLE task_edges (
  upstream_task_id   bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
  downstream_task_id bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
  PRIMARY KEY (upstream_task_id, downstream_task_id)
);
CREATE INDEX task_edges_downstream ON task_edges (downstream_task_id);

CREATE TABLE workflow_runs (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project           text NOT NULL,
  workflow_id       bigint NOT NULL REFERENCES workflows,
  workflow_engine   text NOT NULL,
  -- 26 characters of [a-z2-7], 128 random bits: the part of the key that no restored sequence can repeat.
  token             text NOT NULL UNIQUE,
  origin            text NOT NULL DEFAULT 'api' CHECK (origin IN ('api', 'schedule', 'engine')),
  parameters        jsonb NOT NULL DEFAULT '{}',
  -- W3C trace context of the request that created the run: engine calls made for it belong to that trace.
  traceparent       text,

  -- Result of fold(desired, execution, observed), written with every change of its inputs.
  state             text NOT NULL CHECK (state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  state_reason      text,
  failure           jsonb,
  generation        integer NOT NULL DEFAULT 1 CHECK (generation > 0),
  -- Every write increments it; a writer that decided on an older one writes nothing.
  version           bigint NOT NULL DEFAULT 0,
  event_seq         integer NOT NULL DEFAULT 0,

  -- Wish.
  desired           text NOT NULL DEFAULT 'run' CHECK (desired IN ('run', 'paused', 'cancelled')),
  desired_at        timestamptz NOT NULL DEFAULT now(),
  retry_task        jsonb,

  -- Facts of the current generation.
  observed          jsonb,
  -- Our own final word where the engine gave none: refused, missing, outcome unknown, cancelled before it was known.
  verdict           jsonb,
  observed_ticket   bigint NOT NULL DEFAULT 0,
  observed_at       timestamptz,
  tasks_observed_at timestamptz,
  -- Positive absences in a row since, for the verdict `engine-run-missing`.
  absent_since      timestamptz,
  absences          integer NOT NULL DEFAULT 0,
  -- Why the last read of this run failed; NULL after one that worked.
  read_error        jsonb,
  outputs           jsonb,
  engine_url        text,

  -- The row is the queue of what is to be done next.
  next_action_at    timestamptz,
  lease_token       uuid,
  lease_until       timestamptz,
  failures          integer NOT NULL DEFAULT 0,
  last_error        jsonb,
  watched_until     timestamptz,

  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  submitted_at      timestamptz,
  started_at        timestamptz,
  finished_at       timestamptz,

  CONSTRAINT finished_exactly_when_final CHECK ((state IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
  CONSTRAINT failure_exactly_when_failed CHECK ((state = 'FAILED') = (failure IS NOT NULL))
);
CREATE INDEX workflow_runs_by_project ON workflow_runs (project, id DESC);
CREATE INDEX workflow_runs_by_created ON workflow_runs (project, created_at DESC, id DESC);
CREATE INDEX workflow_runs_by_state ON workflow_runs (project, state, id DESC);
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow_id, id DESC);
CREATE INDEX workflow_runs_active ON workflow_runs (workflow_engine, id)
  WHERE state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING');
CREATE INDEX workflow_runs_stuck ON workflow_runs (workflow_engine) WHERE state_reason LIKE 'stuck: %';
CREATE INDEX workflow_runs_absent ON workflow_runs (workflow_engine) WHERE finished_at IS NULL AND absent_since IS NOT NULL;
CREATE INDEX workflow_runs_due ON workflow_runs (workflow_engine, project, next_action_at) WHERE next_action_at IS NOT NULL;

CREATE TABLE workflow_executions (
  workflow_run_id    bigint NOT NULL REFERENCES workflow_runs ON DELETE CASCADE,
  generation         integer NOT NULL,
  key                text NOT NULL,
  verb               text NOT NULL CHECK (verb IN ('submit', 'retry')),
  outcome            text NOT NULL DEFAULT 'none' CHECK (outcome IN ('none', 'in_flight', 'unknown', 'known', 'refused')),
  first_attempted_at timestamptz,
  attempted_at       timestamptz,
  -- First and last positive absence of the key since the outcome became unknown.
  absent_since       timestamptz,
  absent_until       timestamptz,
  lookups            integer NOT NULL DEFAULT 0,
  external_id        text,
  engine_uid         text,
  engine_epoch       text,
  baseline           text,
  cancel_sent_at     timestamptz,
  cancel_mode        text CHECK (cancel_mode IN ('graceful', 'force')),
  pause_sent         boolean NOT NULL DEFAULT false,
  ended_at           timestamptz,
  -- A cancelled run whose submit may still surface: looked up until then, a late hit is cancelled on sight.
  tombstone_until    timestamptz,
  PRIMARY KEY (workflow_run_id, generation)
);
CREATE INDEX workflow_executions_by_external_id ON workflow_executions (external_id) WHERE external_id IS NOT NULL;
-- By our own time of the end: what an engine calls its own may be hours off.
CREATE INDEX workflow_executions_ended ON workflow_executions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX workflow_executions_tombstones ON workflow_executions (tombstone_until) WHERE tombstone_until IS NOT NULL;

-- What was on an engine for runs that are no longer kept: removed when the engine has forgotten it too.
CREATE TABLE purged_executions (
  workflow_engine text NOT NULL,
  key             text NOT NULL,
  external_id     text,
  workflow_id     bigint NOT NULL REFERENCES workflows,
  purged_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workflow_engine, key)
);

-- Who asked the engine about a run last: one refresh on read per run and REFRESH_MAX_AGE over all processes.
CREATE UNLOGGED TABLE refresh_claims (
  workflow_run_id bigint PRIMARY KEY,
  claimed_at      timestamptz NOT NULL
);

CREATE TABLE task_runs (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workflow_run_id bigint NOT NULL REFERENCES workflow_runs ON DELETE CASCADE,
  task_id         bigint NOT NULL REFERENCES tasks,
  -- -1 = not a fan-out.
  map_index       integer NOT NULL DEFAULT -1 CHECK (map_index >= -1),
  external_id     text,
  engine_url      text,
  state           text NOT NULL CHECK (state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
  state_reason    text,
  attempt         integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  outputs         jsonb,
  failure         jsonb,
  started_at      timestamptz,
  finished_at     timestamptz,
  observed_at     timestamptz,
  inferred        boolean NOT NULL DEFAULT false,
  UNIQUE (workflow_run_id, task_id, map_index)
);

CREATE TABLE task_attempts (
  task_run_id bigint NOT NULL REFERENCES task_runs ON DELETE CASCADE,
  attempt     integer NOT NULL CHECK (attempt > 0),
  state       text NOT NULL CHECK (state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
  started_at  timestamptz,
  finished_at timestamptz,
  exit_code   integer,
  failure     jsonb,
  external_id text,
  PRIMARY KEY (task_run_id, attempt)
);

CREATE TABLE lifecycle_events (
  workflow_run_id bigint NOT NULL REFERENCES workflow_runs ON DELETE CASCADE,
  seq             integer NOT NULL,
  type            text NOT NULL CHECK (type IN ('CREATED', 'CANCEL', 'RETRY', 'PAUSE', 'RESUME', 'STATE')),
  from_state      text,
  to_state        text,
  generation      integer NOT NULL,
  source          text NOT NULL CHECK (source IN ('client', 'engine', 'reconciler', 'adapter')),
  actor           text,
  reason          text,
  at              timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workflow_run_id, seq)
);

CREATE TABLE labels (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project text NOT NULL,
  key     text NOT NULL,
  value   text NOT NULL,
  UNIQUE (project, key, value)
);

-- Both directions: the primary key pages by label, the second index answers "labels of this object".
CREATE TABLE workflow_labels (
  label_id    bigint NOT NULL REFERENCES labels,
  workflow_id bigint NOT NULL REFERENCES workflows ON DELETE CASCADE,
  PRIMARY KEY (label_id, workflow_id)
);
CREATE INDEX workflow_labels_by_workflow ON workflow_labels (workflow_id, label_id);

CREATE TABLE workflow_run_labels (
  label_id        bigint NOT NULL REFERENCES labels,
  workflow_run_id bigint NOT NULL REFERENCES workflow_runs ON DELETE CASCADE,
  PRIMARY KEY (label_id, workflow_run_id)
);
CREATE INDEX workflow_run_labels_by_run ON workflow_run_labels (workflow_run_id, label_id);

CREATE TABLE idempotency_keys (
  project     text NOT NULL,
  key         text NOT NULL,
  fingerprint text NOT NULL,
  status      integer NOT NULL,
  location    text,
  body        text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What is on an engine and contradicts the record: shown to administrators, never mended by guessing.
CREATE TABLE drift (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workflow_engine text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('missing', 'orphan', 'state', 'late-execution')),
  workflow_run_id bigint REFERENCES workflow_runs ON DELETE CASCADE,
  external_id     text,
  detail          text NOT NULL,
  -- Of an orphan, by the engine's clock: only handed back to the engine.
  created_on_engine_at timestamptz,
  first_seen_at   timestamptz NOT NULL DEFAULT now(),
  last_seen_at    timestamptz NOT NULL DEFAULT now(),
  resolved_at     timestamptz
);
CREATE UNIQUE INDEX drift_open ON drift (workflow_engine, kind, coalesce(workflow_run_id, 0), coalesce(external_id, '')) WHERE resolved_at IS NULL;
