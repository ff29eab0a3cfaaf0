import { Injectable } from '@nestjs/common';
import { toWorkflowParameters } from '../../definition/workflow-parameters.js';
import { WakeUps } from '../dispatch/wake-ups.js';
import { Engines, type Engine } from '../engines/engines.js';
import { labelProblems, mergeLabels, type Label } from '../labels/label.js';
import type { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { askThenWrite } from '../platform/ask-then-write.js';
import type { WriteRequest } from '../platform/http/write-request.js';
import { Problem, type ProblemItem } from '../platform/problem.js';
import { checkDefinition, isValid, type CheckedDefinition } from './check-definition.js';
import { formsBeyondLimit } from './forms-limit.js';
import { storeWorkflow, type NewWorkflow } from './store-workflow.js';
import { parameterProblems, parameterSchemas } from './ui-form-schema.js';
import type { CreateWorkflow } from './workflow-requests.dto.js';
import type { WorkflowValidation } from './workflow.dto.js';
import { TITLE_RULE, WORKFLOW_TITLE } from './workflow-title.js';

/** Takes in the next version of a title: checked by parser and engine before anything is stored. */
@Injectable()
export class WorkflowIntake {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly wakeUps: WakeUps,
  ) {}

  async create(write: WriteRequest, body: CreateWorkflow): Promise<Answer> {
    const check = (): Promise<NewWorkflow> => this.check(write, body);
    const answer = await askThenWrite(this.database, write, check, async (db, workflow) => {
      const stored = await storeWorkflow(db, workflow);
      const location = `/v1/workflows/${encodeURIComponent(workflow.title)}/${stored.version}`;
      return { status: 201, location, json: stored.json };
    });
    if (!answer.replayed) this.wakeUps.wake(body.workflow_engine);
    return answer;
  }

  /** The same checks, nothing stored. What is wrong with the definition is an answer here; anything else is thrown. */
  async validate(body: CreateWorkflow, traceparent: string | undefined): Promise<WorkflowValidation> {
    const engine = this.engineOf(body);
    refuse(bodyProblems(body));
    const checked = await checkDefinition(engine, body.definition_format, body.definition, traceparent);
    const valid = isValid(checked);
    if (valid) titleOf(body, checked);
    return {
      valid,
      diagnostics: checked.diagnostics,
      tasks: (valid ? (checked.graph?.tasks ?? []) : []).map((task) => ({
        title: task.title,
        ...(task.displayName === undefined ? {} : { display_name: task.displayName }),
        ...(task.type === undefined ? {} : { type: task.type }),
        downstream: task.downstream,
      })),
    };
  }

  private async check({ project, traceparent }: WriteRequest, body: CreateWorkflow): Promise<NewWorkflow> {
    const engine = this.engineOf(body);
    refuse(bodyProblems(body));
    const checked = await checkDefinition(engine, body.definition_format, body.definition, traceparent);
    if (!isValid(checked)) {
      const errors = checked.diagnostics
        .filter(({ severity }) => severity === 'error')
        .map(({ pointer, line, code, message }) => ({
          pointer,
          ...(line === undefined ? {} : { line }),
          code,
          message,
        }));
      throw new Problem('definition-invalid', { detail: summary(errors), errors });
    }
    const { definition } = checked;
    const parameters = body.workflow_parameters ?? [];
    return {
      project,
      title: titleOf(body, checked),
      displayName: definition?.title,
      engine: engine.name,
      format: body.definition_format,
      definition: body.definition,
      workflowParameters: definition === undefined ? parameters : toWorkflowParameters(definition.params),
      parameterSchemas: definition === undefined ? parameterSchemas(parameters) : definition.params,
      labels: labelsOf(body, checked),
      diagnostics: checked.diagnostics,
      graph: checked.graph,
    };
  }

  private engineOf(body: CreateWorkflow): Engine {
    const engine = this.engines.get(body.workflow_engine);
    if (engine) return engine;
    const names = this.engines.list().map((one) => one.name);
    const message = `There is no engine ${JSON.stringify(body.workflow_engine)}; configured are: ${names.join(', ')}.`;
    throw new Problem('validation-failed', {
      detail: message,
      errors: [{ pointer: '/workflow_engine', code: 'unknown-engine', message }],
    });
  }
}

/** What can be said about a body without its definition. */
function bodyProblems(body: CreateWorkflow): ProblemItem[] {
  const problems = labelProblems(body.labels ?? [], '/labels');
  if (body.definition_format === 'signalbox/v1') {
    if (body.workflow_parameters != null) {
      const message = 'The parameters of a signalbox/v1 definition are its params.';
      problems.push({ pointer: '/workflow_parameters', code: 'not-allowed-here', message });
    }
    return problems;
  }
  if (body.title == null) {
    problems.push({ pointer: '/title', code: 'required', message: 'A title is needed for this definition format.' });
  }
  const parameters = body.workflow_parameters ?? [];
  const beyond = formsBeyondLimit(parameters);
  if (beyond) {
    const pointer = `/workflow_parameters/${beyond.index}`;
    problems.push({ pointer, code: 'parameters-too-large', message: beyond.message });
  }
  return [...problems, ...parameterProblems(parameters, '/workflow_parameters')];
}

function titleOf(body: CreateWorkflow, checked: CheckedDefinition): string {
  const title = body.title ?? checked.definition?.name ?? '';
  if (!WORKFLOW_TITLE.test(title)) refuse([{ pointer: '/title', code: 'wrong-format', message: TITLE_RULE }]);
  return title;
}

function labelsOf(body: CreateWorkflow, checked: CheckedDefinition): Label[] {
  const own = Object.entries(checked.definition?.labels ?? {}).map(([key, value]) => ({ key, value }));
  const labels = mergeLabels(own, body.labels ?? []);
  refuse(labelProblems(labels, '/labels'));
  return labels;
}

function refuse(errors: ProblemItem[]): void {
  if (errors.length === 0) return;
  throw new Problem('validation-failed', { detail: errors.map((item) => item.message).join(' '), errors });
}

function summary(errors: readonly ProblemItem[]): string {
  const first = errors[0];
  const where = first?.line === undefined ? '' : ` (line ${first.line})`;
  const more = errors.length > 1 ? ` And ${errors.length - 1} more.` : '';
  return `${first?.message ?? 'The definition is not valid.'}${where}${more}`;
}
