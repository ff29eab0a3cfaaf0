import type { Construct } from '../../definition/constructs.js';
import { unsupported } from '../../definition/constructs.js';
import type { Definition, Diagnostic } from '../../definition/definition-types.js';
import { parseDefinition, withPositions } from '../../definition/parse-definition.js';
import type { DefinitionText } from '../spi/engine-adapter.js';

const EXECUTES: ReadonlySet<Construct> = new Set<Construct>([
  'params',
  'run',
  'command',
  'args',
  'needs',
  'references',
  'outputs',
  'retry',
  'timeout',
  'runTimeout',
  'maxParallel',
  'allowFailure',
  'skipExitCode',
  'when',
  'trigger',
  'foreach',
  'failFast',
  'env',
  'runOutputs',
]);

/** They say where a task runs; here that is always this machine. */
const IGNORES: ReadonlySet<Construct> = new Set<Construct>(['image', 'resources', 'placement', 'targets']);

export type ReadDefinition =
  { ok: true; definition: Definition; diagnostics: Diagnostic[] } | { ok: false; diagnostics: Diagnostic[] };

/** Parses a definition and says all that is wrong with it for this engine. `ok` = the engine executes it. */
export function readDefinition({ format, text }: DefinitionText): ReadDefinition {
  if (format !== 'signalbox/v1') {
    const message = `The local engine executes signalbox/v1, not ${format}.`;
    return { ok: false, diagnostics: [{ severity: 'error', code: 'format-unsupported', message, pointer: '' }] };
  }
  const parsed = parseDefinition(text);
  if (!parsed.ok) return parsed;
  const unfit = withPositions(text, unsupported(parsed.definition, { executes: EXECUTES, ignores: IGNORES }));
  const diagnostics = [...parsed.diagnostics, ...unfit];
  return unfit.some(({ severity }) => severity === 'error')
    ? { ok: false, diagnostics }
    : { ok: true, definition: parsed.definition, diagnostics };
}
