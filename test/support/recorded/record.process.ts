/** `npm run record -- ENGINE`: records the answers of one engine that is up. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ArgoEndpoint } from '../../../adapters/argo/argo-endpoint.test-support.js';
import { airflowStage } from './airflow-stage.js';
import { argoStage } from './argo-stage.js';
import { writeRecordings } from './recording.js';
import type { RecordingStage } from './recording-stage.js';
import { recordScenarios } from './scenarios.js';

const { values } = parseArgs({ options: { engine: { type: 'string' }, endpoint: { type: 'string' } } });
const { engine = '', endpoint = '' } = values;
const found = JSON.parse(readFileSync(endpoint, 'utf8')) as Record<string, unknown>;

for (const open of stagesOf()) {
  const stage = await open();
  const say = (line: string): void => void process.stderr.write(`${stage.dialect} ${line}\n`);
  try {
    const recordings = await recordScenarios(stage, say);
    await writeRecordings(stage.dialect, recordings);
    process.stdout.write(`${stage.dialect}: ${recordings.size} scenarios recorded\n`);
  } catch (error) {
    // Its sentence alone: errors of calls hold what was sent, and who sent it.
    say(`was not recorded: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await stage.close().catch((error: unknown) => say(`something is left there: ${(error as Error).message}`));
  }
}

function stagesOf(): (() => Promise<RecordingStage>)[] {
  if (engine === 'airflow2' || engine === 'airflow3') return [() => airflowStage(engine, found)];
  const argo = found as unknown as ArgoEndpoint;
  return [() => argoStage('argo', argo), () => argoStage('argo-kubernetes', argo)];
}
