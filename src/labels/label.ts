import type { ProblemItem } from '../platform/problem.js';

/** How clients tell other clients what an object is about. One key may have several values on one object. */
export interface Label {
  key: string;
  value: string;
}

export const MAX_LABELS = 64;

const NAME = /^[A-Za-z0-9._-]{1,63}$/;
const DNS_PREFIX = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** `name`, or `dns.prefix/name`. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return NAME.test(key);
  return DNS_PREFIX.test(key.slice(0, slash)) && NAME.test(key.slice(slash + 1));
}

/** 0 to 255 characters (code points), each printable. */
export function isLabelValue(value: string): boolean {
  return value.length <= 510 && [...value].length <= 255 && !UNPRINTABLE.test(value);
}

/** Everything wrong with a list of labels in a body; `pointer` is where the list stands. Empty = a valid list. */
export function labelProblems(labels: readonly Label[], pointer: string): ProblemItem[] {
  const problems: ProblemItem[] = [];
  const seen = new Map<string, number>();
  labels.forEach((label, index) => {
    const at = `${pointer}/${index}`;
    if (!isLabelKey(label.key)) {
      problems.push({
        pointer: `${at}/key`,
        code: 'bad-label-key',
        message: 'A label key is 1 to 63 of letters, digits, ".", "_" and "-", after an optional DNS name and "/".',
      });
    }
    if (!isLabelValue(label.value)) {
      problems.push({
        pointer: `${at}/value`,
        code: 'bad-label-value',
        message: 'A label value is 0 to 255 printable characters.',
      });
    }
    const identity = labelIdentity(label);
    const first = seen.get(identity);
    if (first === undefined) seen.set(identity, index);
    else
      problems.push({ pointer: at, code: 'duplicate-label', message: `The same label stands in ${pointer}/${first}.` });
  });
  if (labels.length > MAX_LABELS) {
    problems.push({ pointer, code: 'too-many-labels', message: `An object has at most ${MAX_LABELS} labels.` });
  }
  return problems;
}

/** The union of two lists, each label once. */
export function mergeLabels(first: readonly Label[], second: readonly Label[]): Label[] {
  return [...new Map([...first, ...second].map((label) => [labelIdentity(label), label])).values()];
}

export function labelIdentity(label: Label): string {
  return JSON.stringify([label.key, label.value]);
}
