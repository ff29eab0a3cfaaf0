/**
 * The scripted engine as a process of its own: prints one JSON line `{url, control_url}` when both doors are open, and
 * ends on SIGTERM. `node --import ./scripts/typescript-loader.js test/support/scripted-engine/scripted-engine.process.ts
 * [--port N] [--control-port N] [--journal FILE] [--seed N]`
 */
import { parseArgs } from 'node:util';
import { startScriptedEngine } from './scripted-engine-server.js';
import type { ScriptedEngineOptions } from './scripted-engine-server.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    'control-port': { type: 'string' },
    journal: { type: 'string' },
    seed: { type: 'string' },
  },
});
const options: ScriptedEngineOptions = {
  port: Number(values.port ?? 0),
  controlPort: Number(values['control-port'] ?? 0),
  seed: Number(values.seed ?? 1),
};
if (values.journal !== undefined) options.journalFile = values.journal;

const engine = await startScriptedEngine(options);
process.once('SIGTERM', () => void engine.close());
process.stdout.write(`${JSON.stringify({ url: engine.url, control_url: engine.controlUrl })}\n`);
