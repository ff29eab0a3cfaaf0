import { OptionsRefused, type EngineKind } from '../../../adapters/spi/engine-kind.js';
import { createScriptedEngineAdapter } from './scripted-engine.adapter.js';

const DAY_MS = 86_400_000;
const KEYS = ['url', 'token', 'dedupeHorizonMs', 'registers'];

/** `{url, token?, dedupeHorizonMs?, registers?}`; keys are kept for a day and definitions registered later unless told. */
export const scriptedEngineKind: EngineKind = {
  kind: 'scripted',
  create: async (options, host) => {
    for (const key of Object.keys(options)) {
      if (!KEYS.includes(key)) throw new OptionsRefused(`${key}: the scripted engine has no such option`);
    }
    const { url, token, dedupeHorizonMs = DAY_MS, registers = 'later' } = options;
    if (typeof url !== 'string' || !URL.canParse(url))
      throw new OptionsRefused('url: has to be the address of the engine');
    if (token !== undefined && typeof token !== 'string') throw new OptionsRefused('token: has to be a text');
    if (typeof dedupeHorizonMs !== 'number' || dedupeHorizonMs < 0) {
      throw new OptionsRefused('dedupeHorizonMs: has to be a number of milliseconds');
    }
    if (registers !== 'at-once' && registers !== 'later')
      throw new OptionsRefused('registers: has to be at-once or later');
    const { installationId } = host;
    return createScriptedEngineAdapter({ url, token, installationId, dedupeHorizonMs, registers });
  },
};
