import { stringify } from 'yaml';
import { usedConstructs } from '../../../definition/constructs.js';
import type { Definition, Diagnostic } from '../../../definition/definition-types.js';
import { parseDefinition, withPositions } from '../../../definition/parse-definition.js';
import type { Compilation } from '../../spi/compilation.js';
import { argoProblems } from './argo-problems.js';
import { taskName } from './argo-names.js';
import { toWorkflowTemplate } from './compile-workflow.js';
import { ARGO_CONSTRUCTS } from './supported-constructs.js';

/** A definition as a WorkflowTemplate of Argo. Pure: the same text gives the same file. */
export function compileDefinition(text: string): Compilation {
  const { definition, diagnostics } = readForArgo(text);
  if (!definition) return { files: [], nameMap: {}, report: [], diagnostics };
  const refused = diagnostics.some(({ severity }) => severity === 'error');
  const written = (): string =>
    stringify(toWorkflowTemplate(definition), { lineWidth: 0, aliasDuplicateObjects: false });
  return {
    files: refused ? [] : [{ name: `${definition.name}.argo.yaml`, text: written() }],
    nameMap: Object.fromEntries(definition.tasks.map(({ id }) => [id, taskName(id)])),
    report: usedConstructs(definition).map((used) => ({ ...used, ...ARGO_CONSTRUCTS[used.construct] })),
    diagnostics,
  };
}

/** Parses a definition and says all that keeps Argo from executing it. Without errors among these it can. */
export function readForArgo(text: string): { definition?: Definition; diagnostics: Diagnostic[] } {
  const parsed = parseDefinition(text);
  if (!parsed.ok) return { diagnostics: parsed.diagnostics };
  const { definition } = parsed;
  return { definition, diagnostics: [...parsed.diagnostics, ...withPositions(text, argoProblems(definition))] };
}
