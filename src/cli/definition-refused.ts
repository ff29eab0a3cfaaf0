import { ApiProblem, itemLine } from './api-problem.js';
import { CliError } from './cli-error.js';

/** Rethrows an error; the refusal of a definition names places in the file rather than in the request. */
export function inFile(error: unknown, file: string): never {
  if (!(error instanceof ApiProblem) || error.code !== 'definition-invalid') throw error;
  const items = error.errors.map(({ line, ...item }) =>
    line === undefined ? `${file}: ${itemLine(item)}` : `${file}:${line}: ${itemLine(item)}`,
  );
  throw new CliError(error.message, { exitCode: error.exitCode, items, cause: error });
}
