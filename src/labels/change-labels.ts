import { Problem } from '../platform/problem.js';
import { labelIdentity, labelProblems, type Label } from './label.js';

/** The two lists of a PATCH, checked. Throws `validation-failed` with everything that is wrong. */
export function requestedChange(body: { add?: Label[]; remove?: Label[] }): { add: Label[]; remove: Label[] } {
  const add = body.add ?? [];
  const remove = body.remove ?? [];
  const added = new Set(add.map(labelIdentity));
  const errors = [...labelProblems(add, '/add'), ...labelProblems(remove, '/remove')];
  remove.forEach((label, index) => {
    if (!added.has(labelIdentity(label))) return;
    const message = 'The same label is to be added and removed.';
    errors.push({ pointer: `/remove/${index}`, code: 'contradiction', message });
  });
  if (errors.length > 0) throw new Problem('validation-failed', { detail: 'The labels are not valid.', errors });
  return { add, remove };
}
