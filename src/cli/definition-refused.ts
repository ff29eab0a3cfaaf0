import { ApiProblem, itemLine } from './api-problem.js';
import { CliError } from './cli-error.js';

/**
 * Rethrows an error; the refusal of a definition names places in the file rather than in the request. `guess`: a sentence
 * on what the text was taken for, told where that may be why it is refused.
 */
export function inFile(error: unknown, file: string, guess?: string): never {
  if (!(error instanceof ApiProblem)) throw error;
  const isInvalid = error.code === 'definition-invalid';
  const ofDefinition = isInvalid || error.errors.some(({ pointer }) => /^\/(title|definition)/.test(pointer ?? ''));
  const remarks = guess === undefined || !ofDefinition ? [] : [guess];
  if (!isInvalid && remarks.length === 0) throw error;
  const places = error.errors.map(({ line, ...item }) =>
    line === undefined ? `${file}: ${itemLine(item)}` : `${file}:${line}: ${itemLine(item)}`,
  );
  const items = [...(isInvalid ? places : error.items), ...remarks];
  throw new CliError(error.message, { exitCode: error.exitCode, items, cause: error });
}
