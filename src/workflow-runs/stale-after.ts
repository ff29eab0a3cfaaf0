/** Milliseconds after which an observation of an active run is stale: invariant I9 allows three passes. */
export function staleAfterMs(config: { readonly reconcileIntervalMs: number }): number {
  return 3 * config.reconcileIntervalMs;
}
