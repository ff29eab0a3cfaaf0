import type { Label } from './label.js';
import type { LabelTerm } from './label-selector.js';

/** Whether all terms hold of these labels, by the rules that the SQL of lists follows. Pure. */
export function matchesSelector(terms: readonly LabelTerm[], labels: readonly Label[]): boolean {
  return terms.every((term) => {
    const values = labels.filter(({ key }) => key === term.key).map(({ value }) => value);
    switch (term.op) {
      case 'in':
        return values.some((value) => term.values.includes(value));
      case 'not-in':
        return !values.some((value) => term.values.includes(value));
      case 'exists':
        return values.length > 0;
      case 'absent':
        return values.length === 0;
    }
  });
}
