-- expand
-- The local engine's memory. Intents (what somebody asked for) and facts (what a node's owner saw) are columns apart;
-- JSON documents are text, since jsonb would reorder keys and refuse \u0000.

-- One data directory. Whoever holds `owner_token` under a running lease may judge what belongs to the node.
CREATE TABLE signalbox_local.nodes (
  node_id        text PRIMARY KEY,
  engine         text NOT NULL,
  owner_token    text,
  owner_identity text,
  lease_until    timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE signalbox_local.sentinels (
  engine text PRIMARY KEY,
  epoch  text NOT NULL
);

CREATE TABLE signalbox_local.runs (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  engine           text NOT NULL,
  key              text NOT NULL,
  installation_id  text NOT NULL,
  content_digest   text NOT NULL,
  workflow_run_id  text NOT NULL,
  traceparent      text NOT NULL,
  definition       text NOT NULL,
  parameters       text NOT NULL,
  -- Null until a node takes the run; it stays there for good, its attempts lie in that node's directory.
  node_id          text REFERENCES signalbox_local.nodes,
  -- Intents. `intent_seq` grows with each one, `seen_seq` follows when the owner has read it.
  cancel_mode      text CHECK (cancel_mode IN ('graceful', 'force')),
  pause_wanted     boolean NOT NULL DEFAULT false,
  intent_seq       bigint NOT NULL DEFAULT 0,
  seen_seq         bigint NOT NULL DEFAULT 0,
  -- Facts.
  phase            text NOT NULL DEFAULT 'scheduled'
                   CHECK (phase IN ('scheduled', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
  round            integer NOT NULL DEFAULT 1,
  stop_evidence    boolean NOT NULL DEFAULT false,
  outputs          text,
  failure          text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  round_started_at timestamptz,
  started_at       timestamptz,
  finished_at      timestamptz,
  UNIQUE (engine, key),
  CHECK ((finished_at IS NOT NULL) = (phase IN ('succeeded', 'failed', 'cancelled')))
);

CREATE INDEX runs_by_creation ON signalbox_local.runs (engine, created_at, id);
CREATE INDEX runs_unclaimed ON signalbox_local.runs (engine, id)
  WHERE node_id IS NULL AND finished_at IS NULL;
CREATE INDEX runs_active ON signalbox_local.runs (node_id, id) WHERE finished_at IS NULL;
CREATE INDEX runs_with_intents ON signalbox_local.runs (node_id) WHERE intent_seq <> seen_seq;

-- map_index is -1 for a task that is not an item of a fan-out. A fan-out has such a row too: it stands for the whole.
CREATE TABLE signalbox_local.task_runs (
  run_id          bigint NOT NULL REFERENCES signalbox_local.runs ON DELETE CASCADE,
  task            text NOT NULL,
  map_index       integer NOT NULL DEFAULT -1,
  state           text NOT NULL DEFAULT 'PENDING'
                  CHECK (state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'RETRYING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
  state_reason    text,
  attempt         integer NOT NULL DEFAULT 0,
  -- Spent in this round: a retry of the run gives a fresh budget.
  retries_used    integer NOT NULL DEFAULT 0,
  false_starts    integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  item            text,
  item_count      integer,
  cancel_wanted   boolean NOT NULL DEFAULT false,
  outputs         text,
  failure         text,
  started_at      timestamptz,
  finished_at     timestamptz,
  PRIMARY KEY (run_id, task, map_index)
);

-- The primary key is what "no attempt number is executed twice" rests on in the database; on disk it is the claim.
CREATE TABLE signalbox_local.attempts (
  run_id      bigint NOT NULL,
  task        text NOT NULL,
  map_index   integer NOT NULL,
  attempt     integer NOT NULL CHECK (attempt >= 1),
  node_id     text NOT NULL REFERENCES signalbox_local.nodes,
  state       text NOT NULL DEFAULT 'SCHEDULED'
              CHECK (state IN ('SCHEDULED', 'RUNNING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  started_at  timestamptz,
  finished_at timestamptz,
  exit_code   integer,
  failure     text,
  PRIMARY KEY (run_id, task, map_index, attempt),
  FOREIGN KEY (run_id, task, map_index) REFERENCES signalbox_local.task_runs ON DELETE CASCADE
);

-- Of runs that are forgotten: the node that has their attempts on its disk removes them.
CREATE TABLE signalbox_local.left_folders (
  node_id  text NOT NULL REFERENCES signalbox_local.nodes,
  key      text NOT NULL,
  -- Of a removal that failed: others go first.
  tried_at timestamptz,
  PRIMARY KEY (node_id, key)
);

CREATE INDEX attempts_live ON signalbox_local.attempts (run_id) WHERE state IN ('SCHEDULED', 'RUNNING');
