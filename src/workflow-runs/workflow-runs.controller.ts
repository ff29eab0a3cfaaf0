import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { requestedChange } from '../labels/change-labels.js';
import { RUN_LABELS } from '../labels/label-selector-sql.js';
import { requestedSelector } from '../labels/label-selector.js';
import { ChangeLabels } from '../labels/labels.dto.js';
import { changeLabels } from '../labels/labels-store.js';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { refuseSkipWithCursor } from '../lists/list-query.dto.js';
import { LIST_HEADERS, refuseSkipOfUnread, sendList } from '../lists/send-list.js';
import { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Project } from '../platform/http/project.js';
import { Write, type WriteRequest } from '../platform/http/write-request.js';
import { idempotent } from '../platform/idempotency.js';
import { Operation } from '../platform/openapi/operation.js';
import { runLinks } from './run-links.js';
import type { RunFilters } from './run-list.js';
import { RunPages } from './run-pages.js';
import { RunReader } from './run-reader.js';
import { estimateRuns, lockRunLabels } from './runs-store.js';
import { StartRun } from './start-run.js';
import { CreateWorkflowRun, WorkflowRunQuery, WorkflowRunsQuery } from './workflow-run-requests.dto.js';
import { WorkflowRun, WorkflowRunList } from './workflow-run.dto.js';

@ApiTags('Workflow runs')
@Controller('workflow-runs')
export class WorkflowRunsController {
  constructor(
    private readonly database: Database,
    private readonly starting: StartRun,
    private readonly reader: RunReader,
    private readonly pages: RunPages,
  ) {}

  @Post()
  @Operation({
    id: 'createWorkflowRun',
    summary: 'Start a run',
    description:
      'Accepted means stored: the run reaches its engine exactly once, or ends FAILED with a reason, whatever dies meanwhile.',
    problems: ['workflow-not-found', 'workflow-not-ready', 'parameters-invalid'],
    answers: [
      {
        status: 201,
        description: 'The run, PENDING.',
        type: WorkflowRun,
        headers: { Location: 'Path of the run.' },
        links: runLinks(),
      },
    ],
    idempotent: true,
    body: true,
    example: {
      body: {
        workflow: { title: 'example' },
        parameters: { who: 'you' },
        labels: [{ key: 'team', value: 'ml' }],
      },
    },
  })
  create(@Write() write: WriteRequest, @Body() body: CreateWorkflowRun): Promise<Answer> {
    return this.starting.start(write, body);
  }

  @Get()
  @Operation({
    id: 'listWorkflowRuns',
    summary: 'List runs, from the record alone',
    problems: [],
    answers: [
      {
        status: 200,
        description: 'A page; it may be short, with a selector or where its runs are large: 8 MiB at most.',
        type: WorkflowRunList,
        headers: LIST_HEADERS,
        links: runLinks('/items/0'),
      },
    ],
    example: { query: { state: 'COMPLETED', label_selector: 'team=ml,!archived', limit: 20 } },
  })
  async list(
    @Project() project: string,
    @Query() query: WorkflowRunsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    refuseSkipWithCursor(query);
    const { cursor, limit, skip, order, order_by: orderBy, label_selector: selector } = query;
    const filters: RunFilters = {
      states: query.state && [...new Set(query.state)].sort(),
      workflowTitle: query.workflow_title,
      workflowVersion: query.workflow_version,
      workflowEngine: query.workflow_engine,
      externalId: query.external_id,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
    };
    const scope: CursorScope = {
      list: 'workflow-runs',
      project,
      order: `${orderBy} ${order}`,
      filters: { ...filters, selector },
    };
    const kinds = orderBy === 'id' ? (['bigint'] as const) : (['time', 'bigint'] as const);
    const terms = requestedSelector(selector ?? '', { parameter: 'label_selector' });
    const { items, next, unread } = await this.pages.read({
      project,
      filters,
      terms,
      orderBy,
      direction: order,
      position: cursor === undefined ? undefined : decodeCursor(cursor, scope, kinds),
      limit,
      skip,
    });
    refuseSkipOfUnread(skip, unread);
    const estimatedCount = query.count && (await estimateRuns(this.database, { project, filters, terms }));
    return sendList(
      reply,
      { path: '/v1/workflow-runs', query: { ...query }, scope },
      { items: [items], next, estimatedCount },
    );
  }

  @Get(':id')
  @Operation({
    id: 'getWorkflowRun',
    summary: 'Read a run',
    description:
      'An active run that was not looked at lately is looked at on its engine first; when that fails or takes too long the stored row is answered, with `stale` and its cause.',
    problems: ['workflow-run-not-found'],
    answers: [{ status: 200, description: 'The run.', type: WorkflowRun, links: runLinks() }],
    example: { path: { id: 1 }, query: { include: 'task_runs' } },
  })
  async get(
    @Project() project: string,
    @Param('id', IdPipe) id: number,
    @Query() query: WorkflowRunQuery,
  ): Promise<Answer> {
    const taskRuns = query.include === 'task_runs';
    return new Answer(200, undefined, await this.reader.read(project, id, { refresh: query.refresh, taskRuns }), false);
  }

  @Patch(':id/labels')
  @HttpCode(200)
  @Operation({
    id: 'changeWorkflowRunLabels',
    summary: 'Add and remove labels of a run',
    problems: ['workflow-run-not-found'],
    answers: [{ status: 200, description: 'The run with its labels.', type: WorkflowRun, links: runLinks() }],
    idempotent: true,
    body: true,
    example: {
      path: { id: 1 },
      body: { add: [{ key: 'stage', value: 'dev' }], remove: [{ key: 'stage', value: 'test' }] },
    },
  })
  changeLabels(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: ChangeLabels,
  ): Promise<Answer> {
    const change = requestedChange(body);
    return idempotent(this.database, write, async (db) => {
      await this.reader.find(db, write.project, id);
      await lockRunLabels(db, id);
      await changeLabels(db, RUN_LABELS, { project: write.project, id }, change);
      const row = await this.reader.find(db, write.project, id);
      return { status: 200, json: this.reader.toJson(row) };
    });
  }
}
