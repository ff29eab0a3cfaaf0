/** What an engine has, seen from the record: whether it can be imported, or is already. Pure. */
import type { EngineWorkflow } from '../../adapters/spi/discovery.js';
import { isLabelKey, isLabelValue, MAX_LABELS, mergeLabels, type Label } from '../labels/label.js';
import { formsBeyondLimit } from './forms-limit.js';
import { toParameterForms } from './to-parameter-forms.js';
import { TITLE_RULE, WORKFLOW_TITLE } from './workflow-title.js';

export const OBSTACLES = ['not-found', 'title-not-allowed', 'title-taken', 'not-runnable'] as const;
export type ObstacleCode = (typeof OBSTACLES)[number];

export interface Obstacle {
  code: ObstacleCode;
  message: string;
}

/** A version of the record that refers to what the engine has. */
export interface ImportedWorkflow {
  id: number;
  title: string;
  version: number;
}

/** What the record knows about one page of an engine's workflows. */
export interface Known {
  /** By the text of the reference, blanks around it left out. */
  references: ReadonlyMap<string, ImportedWorkflow>;
  /** Titles that mean something else than a reference to this engine: by title, what. */
  titles: ReadonlyMap<string, string>;
}

export interface EngineOffer {
  reference: string;
  name: string;
  description?: string;
  labels: Label[];
  paused: boolean;
  /** Already imported, as this version. */
  workflow?: ImportedWorkflow;
  /** Why an import would be refused. */
  obstacle?: Obstacle;
  /** What an import leaves out. */
  notes: string[];
}

export function toOffer(workflow: EngineWorkflow, known: Known): EngineOffer {
  const { reference, name, description } = workflow;
  const { labels, notes } = takenLabels(workflow.labels);
  const imported = namesOf(workflow).flatMap((text) => known.references.get(text) ?? [])[0];
  const obstacle = imported === undefined ? obstacleOf(workflow, known) : undefined;
  return {
    reference,
    name,
    labels,
    paused: workflow.paused === true,
    notes,
    ...(description === undefined ? {} : { description }),
    ...(imported === undefined ? {} : { workflow: imported }),
    ...(obstacle === undefined ? {} : { obstacle }),
  };
}

/** Every text that refers to it. */
export function namesOf({ reference, otherReferences }: EngineWorkflow): string[] {
  return [reference, ...otherReferences];
}

/** Its title would be its name: it is never changed to make it fit. */
function obstacleOf({ name, reference, obstacle, parameters }: EngineWorkflow, known: Known): Obstacle | undefined {
  if (!WORKFLOW_TITLE.test(name)) {
    const message = `${JSON.stringify(name)} cannot be a title: register ${reference} under one of your own. ${TITLE_RULE}`;
    return { code: 'title-not-allowed', message };
  }
  if (obstacle !== undefined) return { code: 'not-runnable', message: obstacle };
  const beyond = formsBeyondLimit(toParameterForms(parameters ?? []).parameters);
  if (beyond) return { code: 'not-runnable', message: beyond.message };
  const other = known.titles.get(name);
  if (other === undefined) return undefined;
  return { code: 'title-taken', message: `The title ${name} is ${other}: register ${reference} under another one.` };
}

function takenLabels(labels: readonly Label[]): { labels: Label[]; notes: string[] } {
  const fitting = mergeLabels(
    labels.filter(({ key, value }) => isLabelKey(key) && isLabelValue(value)),
    [],
  );
  const taken = fitting.slice(0, MAX_LABELS);
  const left = labels.length - taken.length;
  return { labels: taken, notes: left > 0 ? [`${left} of its labels are none of ours.`] : [] };
}
