/** What a process does. `server` is all of it in one. */
export interface Roles {
  /** Answers the REST API. */
  api: boolean;
  /** Drives runs that are due, and owns what the local engine executes. */
  worker: boolean;
  /** Reconciles every RECONCILE_INTERVAL. */
  reconcile: boolean;
}

export const ROLES = {
  server: { api: true, worker: true, reconcile: true },
  api: { api: true, worker: false, reconcile: false },
  worker: { api: false, worker: true, reconcile: true },
} as const satisfies Record<string, Roles>;

export type RoleName = keyof typeof ROLES;
