-- expand
-- Runs that began on an engine: adopted as workflow runs, or listed as drift.

-- When they were last looked for: the beginning of the last look, and that of the last one that saw everything.
ALTER TABLE engines ADD COLUMN born_looked_at timestamptz;
ALTER TABLE engines ADD COLUMN born_seen_at timestamptz;

-- One execution of an engine is adopted once, whoever sees it first. The row outlives its run for a while: what was deleted by
-- age may still be in a list of the engine.
CREATE TABLE adopted_executions (
  workflow_engine text NOT NULL,
  -- The engine's own identity of it, or its name where the engine has none.
  engine_uid      text NOT NULL,
  token           text NOT NULL UNIQUE,
  adopted_at      timestamptz NOT NULL DEFAULT now(),
  -- Its run was deleted then.
  released_at     timestamptz,
  PRIMARY KEY (workflow_engine, engine_uid)
);
CREATE INDEX adopted_executions_released ON adopted_executions (released_at) WHERE released_at IS NOT NULL;

-- `foreign`: an execution of a workflow of ours that somebody else started. The workflow says whose project it is.
ALTER TABLE drift ADD COLUMN workflow_id bigint REFERENCES workflows ON DELETE CASCADE;
ALTER TABLE drift DROP CONSTRAINT drift_kind_check;
ALTER TABLE drift ADD CONSTRAINT drift_kind_check CHECK (kind IN ('missing', 'orphan', 'foreign', 'state', 'late-execution'));
