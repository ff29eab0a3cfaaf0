import type { DefinitionFormat } from '../../adapters/spi/engine-adapter.js';
import type { TaskGraph } from '../../adapters/spi/facts.js';
import type { Definition, Diagnostic } from '../../definition/definition-types.js';
import { toPointer } from '../../definition/json-pointer.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import { toWorkflowParameters } from '../../definition/workflow-parameters.js';
import { engineProblem } from '../engines/engine-problem.js';
import type { Engine } from '../engines/engines.js';
import { Problem } from '../platform/problem.js';
import { formsBeyondLimit } from './forms-limit.js';

export interface CheckedDefinition {
  /** Errors and warnings of the parser and of the engine, each once. */
  diagnostics: Diagnostic[];
  /** Of `signalbox/v1` alone. */
  definition?: Definition;
  /** Only of engines that register at once, and whole. */
  graph?: TaskGraph;
}

export function isValid(checked: CheckedDefinition): boolean {
  return checked.diagnostics.every((diagnostic) => diagnostic.severity !== 'error');
}

/**
 * Asks the parser, then the engine. Nothing is executed or stored. Throws `validation-failed` for a format the engine does
 * not take, and the problem of a call that failed.
 */
export async function checkDefinition(
  engine: Engine,
  format: DefinitionFormat,
  text: string,
  traceparent: string | undefined,
): Promise<CheckedDefinition> {
  if (!engine.capabilities.formats.includes(format)) {
    const message = `The engine ${engine.name} takes ${engine.capabilities.formats.join(', ')}.`;
    throw new Problem('validation-failed', {
      detail: message,
      errors: [{ pointer: '/definition_format', code: 'not-allowed', message }],
    });
  }
  const parsed = format === 'signalbox/v1' ? parseDefinition(text) : undefined;
  if (parsed?.ok === false) return { diagnostics: parsed.diagnostics };
  const tooLarge = parsed === undefined ? undefined : paramsTooLarge(parsed.definition);
  if (parsed && tooLarge) return { diagnostics: [tooLarge, ...parsed.diagnostics] };
  const said = await engine.gateway
    .call('validate', { class: 'intent', traceparent }, (adapter, ctx) => adapter.validate({ format, text }, ctx))
    .catch((error: unknown) => {
      throw engineProblem(error, engine.name);
    });
  return {
    diagnostics: once([...(parsed?.diagnostics ?? []), ...said.diagnostics]),
    ...(parsed === undefined ? {} : { definition: parsed.definition }),
    ...(engine.capabilities.registers === 'at-once' && said.graph !== undefined ? { graph: said.graph } : {}),
  };
}

function paramsTooLarge({ params }: Definition): Diagnostic | undefined {
  const beyond = formsBeyondLimit(toWorkflowParameters(params));
  if (!beyond) return undefined;
  const pointer = toPointer(['params', Object.keys(params)[beyond.index] ?? '']);
  return { severity: 'error', code: 'parameters-too-large', message: beyond.message, pointer };
}

/** An engine that reads the portable definition says again what the parser said. */
function once(diagnostics: Diagnostic[]): Diagnostic[] {
  const byIdentity = diagnostics.map(
    (one) => [JSON.stringify([one.code, one.pointer, one.line, one.message]), one] as const,
  );
  return [...new Map(byIdentity).values()].sort(
    (a, b) => (a.severity === 'error' ? 0 : 1) - (b.severity === 'error' ? 0 : 1),
  );
}
