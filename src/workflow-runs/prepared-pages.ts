/**
 * Which statements of pages each connection keeps prepared: planning takes as long as reading a page, or longer. Kept is the
 * plan of pages whose way through the indexes is the same whatever the values are; for all others the values decide which plan
 * is good, or there are too many forms to keep.
 */
import type { LabelTerm } from '../labels/label-selector.js';
import { KeptForms } from '../lists/kept-forms.js';
import { filtersNothingBut, isOfOneState, type RunList } from './run-list.js';

/** Page sizes whose statement is kept. */
const LIMITS: readonly number[] = [10, 20, 25, 50, 100];

/** Labels of a selector of nothing else, at most, that is kept from the first time on. */
const PLAIN_LABELS = 2;

/** Terms of any other selector that is kept, at most: its plan grows with each. */
const TERMS = 8;

/** Other selectors that are kept: a plan takes a half to one and a half megabytes, on each connection. */
const SELECTORS = new KeptForms('runs.list.selector-', 12);

/** The name to send the statement of a page under; none = it is planned each time. */
export function preparedName(list: RunList, text: string): { name?: string } {
  const name = list.skip > 0 || !LIMITS.includes(list.limit) ? undefined : nameOf(list, text);
  return name === undefined ? {} : { name };
}

function nameOf(list: RunList, text: string): string | undefined {
  const { filters, terms, orderBy, position } = list;
  const unfiltered = filters.states === undefined && filtersNothingBut(filters, 'states');
  if (terms.length === 0) {
    return isOfOneState(list) ? shapeOf(list, filters.states?.[0]) : unfiltered ? shapeOf(list, 'all') : undefined;
  }
  // By any other order it is the values that decide.
  if (orderBy !== 'id') return undefined;
  if (unfiltered && terms.length <= PLAIN_LABELS && terms.every(isPlain))
    return shapeOf(list, `labels-${terms.length}`);
  // First pages are what is asked for again and again. The statement looks its labels up, so no plan knows them; states are
  // compared in rows that were looked up by their ids.
  const kept = position === undefined && terms.length <= TERMS && filtersNothingBut(filters, 'states');
  return kept ? SELECTORS.nameOf(text) : undefined;
}

/** Everything that changes the text. */
function shapeOf({ orderBy, direction, position, limit }: RunList, of: string | undefined): string {
  return ['runs.list', orderBy, direction, position === undefined ? 'first' : 'next', of, limit].join('.');
}

function isPlain(term: LabelTerm): boolean {
  return term.op === 'in' && term.values.length === 1;
}
