import { createHash } from 'node:crypto';
import type { DefinitionFormat, WorkflowVersion } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { ExecutionRef } from '../spi/facts.js';

/** The one thing that is replaced in a file of ours, by the id of the DAG. */
export const DAG_ID_TOKEN = 'SIGNALBOX_DAG_ID';
/** Of Airflow: what a dag id may be. */
const DAG_ID = /^[A-Za-z0-9_.-]{1,250}$/;
const SLUG_LENGTH = 60;

/** The DAG that a `reference` names: its text is the dag id, blanks around it left out. */
export function referencedDag(text: string): string | undefined {
  const name = text.trim();
  return DAG_ID.test(name) ? name : undefined;
}

/** Of a workflow version whose file we write: the same whenever it is asked for, and another one per installation. */
export function ownDag(installationId: string, workflow: { id: string; title: string; version: number }): string {
  const slug = workflow.title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
    .slice(0, SLUG_LENGTH);
  const installation = createHash('sha256').update(installationId).digest('hex').slice(0, 8);
  return `sb_${installation}_${slug}_v${workflow.version}_w${workflow.id}`;
}

/** Whether some Signalbox wrote the file of this DAG. */
export function isOwnDag(dagId: string): boolean {
  return /^sb_[0-9a-f]{8}_[a-z0-9_]*_v\d+_w\d+$/.test(dagId);
}

export function dagOf(installationId: string, workflow: WorkflowVersion): string {
  return byFormat(workflow.definition.format, workflow.definition.text) ?? ownDag(installationId, workflow);
}

/** Where an execution is filed: the engine's own id says it, or else the workflow. */
export function dagOfExecution(installationId: string, ref: ExecutionRef): string {
  const [known, ...rest] = ref.externalId?.split('/') ?? [];
  if (known !== undefined && rest.length > 0) return known;
  const { reference } = ref.workflow;
  return (
    (reference === undefined ? undefined : byFormat('reference', reference)) ?? ownDag(installationId, ref.workflow)
  );
}

/** The engine's own id of an execution: a run id is unique within its DAG only, and a dag id holds no slash. */
export function externalIdOf(dagId: string, runId: string): string {
  return `${dagId}/${runId}`;
}

function byFormat(format: DefinitionFormat, text: string): string | undefined {
  if (format !== 'reference') return undefined;
  const dagId = referencedDag(text);
  if (dagId === undefined) throw new EngineError('rejected', 'the reference is not the id of a DAG');
  return dagId;
}
