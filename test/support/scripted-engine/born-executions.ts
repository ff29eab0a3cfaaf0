import type { BornPage, BornRequest } from '../../../adapters/spi/born.js';
import type { CallContext } from '../../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../../adapters/spi/engine-error.js';
import { readList, readObject, readText } from '../../../adapters/spi/http/read-answer.js';
import type { ScriptedEngineClient } from './scripted-engine-client.js';
import { readExecution } from './to-observation.js';

/** What others than the adapter started. */
export async function listBornExecutions(
  client: ScriptedEngineClient,
  { references, endedSince, cursor }: BornRequest,
  ctx: CallContext,
): Promise<BornPage> {
  if (cursor !== undefined && !/^x-/.test(cursor)) throw new EngineError('rejected', 'not a cursor of this list');
  const byName = new Map(references.map((text) => [text.trim(), text]));
  const body = {
    definitions: [...byName.keys()],
    ended_since: endedSince.toISOString(),
    ...(cursor === undefined ? {} : { after: cursor }),
  };
  const page = readObject(await client.post('/executions/born', body, ctx), 'the page of executions');
  const executions = readList(page['executions'], 'executions').flatMap((one) => {
    const execution = readObject(one, 'an execution');
    const { facts } = readExecution(execution, readText(execution['key'], 'key'));
    const reference = byName.get(readText(execution['definition'], 'definition'));
    if (reference === undefined) return [];
    const { externalId, engineUid, engineState, finishedAt } = facts;
    return [
      {
        reference,
        externalId,
        engineState,
        parameters: readObject(execution['parameters'], 'parameters'),
        ...(engineUid === undefined ? {} : { engineUid }),
        ...(finishedAt === undefined ? {} : { endedAt: finishedAt }),
      },
    ];
  });
  const next = page['next'];
  return next === null ? { executions } : { executions, nextCursor: readText(next, 'next') };
}
