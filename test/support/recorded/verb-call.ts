/** A call of a verb as JSON, and what came of it as JSON: what a recording holds, and a replay compares. */
import type { Verb } from '../../../adapters/conformance/harness.js';
import type { CallContext, EngineAdapter, LogPage } from '../../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../../adapters/spi/engine-error.js';
import type { EngineErrorCode } from '../../../adapters/spi/engine-error.js';
import type { Json } from '../../../definition/definition-types.js';

export interface VerbCall {
  verb: Verb;
  /** All but the context; moments are ISO texts. */
  given: Json[];
}

export type VerbOutcome = { answered: Json } | { failed: EngineErrorCode };

/** Arguments that are moments, wherever they stand. */
const MOMENTS = ['since', 'endedSince'];

/** Throws whatever is no `EngineError`: an adapter throws nothing else. */
export async function outcomeOf(adapter: EngineAdapter, call: VerbCall, ctx: CallContext): Promise<VerbOutcome> {
  const verb = adapter[call.verb] as ((...given: unknown[]) => Promise<unknown>) | undefined;
  if (verb === undefined) throw new Error(`the adapter has no verb ${call.verb}`);
  try {
    const answer = await verb(...call.given.map(revived), ctx);
    return { answered: asJson(call.verb === 'logs' ? await wholePage(answer as LogPage) : answer) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { failed: error.code };
  }
}

/** A page with its bytes as a text. */
async function wholePage({ chunks, ...page }: LogPage): Promise<object> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return { ...page, text: Buffer.concat(parts).toString('utf8') };
}

/** As it would be written: without what is undefined, moments as texts. */
export function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}

function revived(value: Json): unknown {
  return JSON.parse(JSON.stringify(value), (key, one: unknown) =>
    MOMENTS.includes(key) && typeof one === 'string' ? new Date(one) : one,
  );
}
