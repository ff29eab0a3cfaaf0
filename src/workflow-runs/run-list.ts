/** What a list of runs asks for. */
import type { RunState } from '../lifecycle/run-state.js';
import type { ListRequest } from '../lists/page-sql.js';

export interface RunFilters {
  states?: RunState[] | undefined;
  workflowTitle?: string | undefined;
  workflowVersion?: number | undefined;
  workflowEngine?: string | undefined;
  externalId?: string | undefined;
  /** Both are exclusive. */
  createdAfter?: string | undefined;
  createdBefore?: string | undefined;
}

export interface RunList extends ListRequest {
  filters: RunFilters;
  staleAfterMs: number;
}

/** Answered by one index whatever the state is; with more conditions the planner is to choose. */
export function isOfOneState({ filters, terms, orderBy }: RunList): boolean {
  return filtersNothingBut(filters, 'states') && filters.states?.length === 1 && terms.length === 0 && orderBy === 'id';
}

/** Whether no other filter is given; this one may be. */
export function filtersNothingBut(filters: RunFilters, name: keyof RunFilters): boolean {
  return Object.entries(filters).every(([given, value]) => value === undefined || given === name);
}
