import type { Label } from './api-types.js';
import { CliError } from './cli-error.js';

/** `k=v` texts as labels. */
export function readLabels(texts: readonly string[]): Label[] {
  return texts.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new CliError(`"${text}" is not a label: expected KEY=VALUE.`);
    return { key: text.slice(0, at), value: text.slice(at + 1) };
  });
}
