import type { LifecycleRequestType } from '../../src/lifecycle/lifecycle-event.js';
import type { RunState } from '../../src/lifecycle/run-state.js';

/** What the API promises for every lifecycle request in every state, in generation 1 (RETRYING: 2). */
export const LIFECYCLE_TABLE: Record<LifecycleRequestType, Record<RunState, 202 | 200 | 409>> = {
  CANCEL: {
    PENDING: 202,
    SCHEDULED: 202,
    RUNNING: 202,
    PAUSED: 202,
    RETRYING: 202,
    CANCELLING: 200,
    COMPLETED: 200,
    FAILED: 200,
    CANCELLED: 200,
  },
  RETRY: {
    PENDING: 409,
    SCHEDULED: 409,
    RUNNING: 409,
    PAUSED: 409,
    RETRYING: 200,
    CANCELLING: 409,
    COMPLETED: 409,
    FAILED: 202,
    CANCELLED: 202,
  },
  PAUSE: {
    PENDING: 202,
    SCHEDULED: 202,
    RUNNING: 202,
    PAUSED: 200,
    RETRYING: 409,
    CANCELLING: 409,
    COMPLETED: 409,
    FAILED: 409,
    CANCELLED: 409,
  },
  RESUME: {
    PENDING: 200,
    SCHEDULED: 200,
    RUNNING: 200,
    PAUSED: 202,
    RETRYING: 200,
    CANCELLING: 409,
    COMPLETED: 409,
    FAILED: 409,
    CANCELLED: 409,
  },
};
