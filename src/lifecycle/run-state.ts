/**
 * The states of a workflow run: one typed table. Types, the final set, the database CHECK, the OpenAPI enum, the tests and
 * the diagram in docs/lifecycle.md derive from it.
 */
export const RUN_STATES = [
  'PENDING',
  'SCHEDULED',
  'RUNNING',
  'PAUSED',
  'RETRYING',
  'CANCELLING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
] as const;
export type RunState = (typeof RUN_STATES)[number];

interface StateEntry {
  meaning: string;
  /** Who moves a run out of it. */
  movedBy: string;
  /** What brings the run on when a process dies here. */
  afterCrash: string;
  final: boolean;
  moves: readonly RunState[];
}

export const RUN_STATE_TABLE = {
  PENDING: {
    meaning: 'stored; the engine is not known to have it',
    movedBy: 'drive (submit), or a cancel',
    afterCrash: 'next_action_at brings it back',
    final: false,
    moves: ['SCHEDULED', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLING', 'CANCELLED'],
  },
  SCHEDULED: {
    meaning: 'the engine accepted it, nothing has started',
    movedBy: 'an observation, a cancel',
    afterCrash: 'observed again',
    final: false,
    moves: ['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLING', 'CANCELLED'],
  },
  RUNNING: {
    meaning: 'the engine executes it',
    movedBy: 'an observation, a cancel',
    afterCrash: 'observed again',
    final: false,
    moves: ['SCHEDULED', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLING', 'CANCELLED'],
  },
  PAUSED: {
    meaning: 'the engine holds this run, or we hold its submit',
    movedBy: 'an observation, a resume, a cancel',
    afterCrash: 'observed again',
    final: false,
    moves: ['PENDING', 'SCHEDULED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLING', 'CANCELLED'],
  },
  RETRYING: {
    meaning: 'a retry was asked for and is not yet visible on the engine',
    movedBy: 'an observation that differs from the one before the retry, or a cancel',
    afterCrash: 'the intent is driven again',
    final: false,
    moves: ['SCHEDULED', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLING', 'CANCELLED'],
  },
  CANCELLING: {
    meaning: 'a cancel was asked for and is not yet confirmed',
    movedBy: 'an observation, or an absence that is a verdict',
    afterCrash: 'the intent is driven again',
    final: false,
    moves: ['CANCELLED', 'COMPLETED', 'FAILED'],
  },
  COMPLETED: { meaning: 'succeeded', movedBy: 'nobody', afterCrash: '-', final: true, moves: [] },
  FAILED: {
    meaning: 'failed, with a reason',
    movedBy: 'a retry',
    afterCrash: '-',
    final: true,
    moves: ['RETRYING', 'PENDING'],
  },
  CANCELLED: {
    meaning: 'stopped on request',
    movedBy: 'a retry',
    afterCrash: '-',
    final: true,
    moves: ['RETRYING', 'PENDING'],
  },
} as const satisfies Record<RunState, StateEntry>;

export const FINAL_RUN_STATES = RUN_STATES.filter((state) => RUN_STATE_TABLE[state].final);
export const ACTIVE_RUN_STATES = RUN_STATES.filter((state) => !RUN_STATE_TABLE[state].final);

export function isFinal(state: RunState): boolean {
  return RUN_STATE_TABLE[state].final;
}

export function isAllowedMove(from: RunState, to: RunState): boolean {
  return (RUN_STATE_TABLE[from].moves as readonly RunState[]).includes(to);
}
