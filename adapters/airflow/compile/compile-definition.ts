import { unsupported, usedConstructs } from '../../../definition/constructs.js';
import { parseDefinition, withPositions } from '../../../definition/parse-definition.js';
import type { Compilation } from '../../spi/compilation.js';
import { compileDag } from './compile-dag.js';
import { AIRFLOW_CONSTRUCTS, AIRFLOW_SUPPORTS } from './supported-constructs.js';
import { collectTask } from './task-names.js';

/** A definition for Airflow 2 and 3; `runtime` is the constant code. Pure: the same text gives the same files. */
export function compileDefinition(text: string, runtime: string): Compilation {
  const parsed = parseDefinition(text);
  if (!parsed.ok) return { files: [], nameMap: {}, report: [], diagnostics: parsed.diagnostics };
  const { definition } = parsed;
  const unfit = unsupported(definition, AIRFLOW_SUPPORTS);
  const diagnostics = [...parsed.diagnostics, ...withPositions(text, unfit)];
  const refused = diagnostics.some(({ severity }) => severity === 'error');
  return {
    files: refused ? [] : [{ name: `${definition.name}.py`, text: compileDag(definition, runtime) }],
    nameMap: Object.fromEntries(
      definition.tasks.map(({ id, foreach }) => [id, foreach === undefined ? id : collectTask(id)]),
    ),
    report: usedConstructs(definition).map((used) => ({ ...used, ...AIRFLOW_CONSTRUCTS[used.construct] })),
    diagnostics,
  };
}
