import type { CallContext } from '../../../adapters/spi/engine-adapter.js';
import type { DiscoverRequest, DiscoveredPage, EngineWorkflow } from '../../../adapters/spi/discovery.js';
import { EngineError } from '../../../adapters/spi/engine-error.js';
import { readFlag, readList, readObject, readText, type JsonObject } from '../../../adapters/spi/http/read-answer.js';
import type { ScriptedEngineClient } from './scripted-engine-client.js';

/** What the engine was given by others than the adapter. */
export async function discoverDefinitions(
  client: ScriptedEngineClient,
  { reference, cursor }: DiscoverRequest,
  ctx: CallContext,
): Promise<DiscoveredPage> {
  if (reference !== undefined) {
    const name = reference.trim();
    try {
      const told = readObject(await client.get(`/definitions/${encodeURIComponent(name)}`, ctx), 'the definition');
      return { workflows: offered(name, told) };
    } catch (error) {
      if (error instanceof EngineError && error.code === 'not-found') return { workflows: [] };
      throw error;
    }
  }
  if (cursor !== undefined && !/^after:/.test(cursor)) {
    throw new EngineError('rejected', 'the cursor is not one of this list');
  }
  const after = cursor === undefined ? '' : `?after=${encodeURIComponent(cursor.slice('after:'.length))}`;
  const page = readObject(await client.get(`/definitions${after}`, ctx), 'the page of definitions');
  const workflows = readList(page['definitions'], 'definitions').flatMap((one) => {
    const told = readObject(one, 'a definition');
    return offered(readText(told['name'], 'name'), told);
  });
  const next = page['next'];
  return next === null ? { workflows } : { workflows, nextCursor: `after:${readText(next, 'next')}` };
}

function offered(name: string, told: JsonObject): EngineWorkflow[] {
  // As the adapter calls what it registers.
  if (/^workflow-\d+$/.test(name)) return [];
  const { description, obstacle } = told;
  return [
    {
      reference: name,
      otherReferences: [],
      name,
      labels: Object.entries(readObject(told['labels'], 'labels')).map(([key, value]) => ({
        key,
        value: readText(value, 'a label'),
      })),
      parameters: readList(told['parameters'], 'parameters').map((one) => {
        const parameter = readObject(one, 'a parameter');
        return {
          name: readText(parameter['name'], 'name of a parameter'),
          schema: readObject(parameter['schema'], 'schema'),
          required: readFlag(parameter['required'], 'required'),
          ...(parameter['default'] === undefined ? {} : { default: parameter['default'] }),
        };
      }),
      ...(description === null ? {} : { description: readText(description, 'description') }),
      ...(readFlag(told['paused'], 'paused') ? { paused: true } : {}),
      ...(obstacle === null ? {} : { obstacle: readText(obstacle, 'obstacle') }),
    },
  ];
}
