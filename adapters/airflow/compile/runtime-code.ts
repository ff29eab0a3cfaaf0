import { readFileSync } from 'node:fs';

/** In the order in which the compiled file holds them. */
const PARTS = ['1-values.py', '2-condition.py', '3-attempt.py', '4-dag.py'];

let code: string | undefined;

/** The constant Python of every compiled DAG, as it lies beside this file. */
export function runtimeCode(): string {
  code ??= PARTS.map((name) => readFileSync(new URL(`./python/${name}`, import.meta.url), 'utf8')).join('');
  return code;
}
