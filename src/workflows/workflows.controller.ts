import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ChangeLabels } from '../labels/labels.dto.js';
import { requestedChange } from '../labels/change-labels.js';
import { changeLabels } from '../labels/labels-store.js';
import { WORKFLOW_LABELS } from '../labels/label-selector-sql.js';
import { requestedSelector } from '../labels/label-selector.js';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { refuseSkipWithCursor } from '../lists/list-query.dto.js';
import { LIST_HEADERS, refuseSkipOfUnread, sendList } from '../lists/send-list.js';
import { Answer } from '../platform/answer.js';
import { Database, type Db } from '../platform/database.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Project } from '../platform/http/project.js';
import { Traceparent } from '../platform/http/traceparent.js';
import { Write, type WriteRequest } from '../platform/http/write-request.js';
import { idempotent } from '../platform/idempotency.js';
import { Operation } from '../platform/openapi/operation.js';
import { Problem } from '../platform/problem.js';
import { ArchiveWorkflow } from './archive-workflow.js';
import { findWorkflow } from './find-workflow.js';
import { WorkflowIntake } from './workflow-intake.js';
import { workflowLinks } from './workflow-links.js';
import { ArchiveQuery, CreateWorkflow, VersionsQuery, WorkflowsQuery } from './workflow-requests.dto.js';
import { Workflow, WorkflowList, WorkflowValidation } from './workflow.dto.js';
import {
  estimateWorkflows,
  listVersions,
  listWorkflows,
  readLatestVersion,
  readWorkflowById,
  type WorkflowFilters,
} from './workflows-store.js';

const EXAMPLE_DEFINITION = `apiVersion: signalbox/v1
kind: Workflow
name: hello
params:
  who: { type: string, default: world }
tasks:
  greet:
    command: [echo, hello, "\${{ params.who }}"]
`;
const EXAMPLE_BODY = {
  workflow_engine: 'local',
  definition_format: 'signalbox/v1',
  definition: EXAMPLE_DEFINITION,
};

@ApiTags('Workflows')
@Controller('workflows')
export class WorkflowsController {
  constructor(
    private readonly database: Database,
    private readonly intake: WorkflowIntake,
    private readonly archiving: ArchiveWorkflow,
  ) {}

  @Post()
  @Operation({
    id: 'createWorkflow',
    summary: 'Store the next version of a title',
    description:
      'Checked by the engine before anything is stored; the problem of a bad definition has every diagnostic.',
    problems: ['definition-invalid', 'engine-cannot', 'engine-unavailable'],
    answers: [
      {
        status: 201,
        description: 'The version.',
        type: Workflow,
        headers: { Location: 'Path of the version.' },
        links: workflowLinks(),
      },
    ],
    idempotent: true,
    body: true,
    example: { body: { ...EXAMPLE_BODY, labels: [{ key: 'team', value: 'ml' }] } },
  })
  create(@Write() write: WriteRequest, @Body() body: CreateWorkflow): Promise<Answer> {
    return this.intake.create(write, body);
  }

  @Post('validate')
  @HttpCode(200)
  @Operation({
    id: 'validateWorkflow',
    summary: 'Check a workflow as storing it would, and store nothing',
    problems: ['engine-cannot', 'engine-unavailable'],
    answers: [{ status: 200, description: 'Every diagnostic, and the tasks.', type: WorkflowValidation }],
    body: true,
    example: { body: EXAMPLE_BODY },
  })
  validate(@Body() body: CreateWorkflow, @Traceparent() traceparent: string | undefined): Promise<WorkflowValidation> {
    return this.intake.validate(body, traceparent);
  }

  @Get()
  @Operation({
    id: 'listWorkflows',
    summary: 'List workflow versions of every title',
    problems: [],
    answers: [
      {
        status: 200,
        description: 'A page; it may be short.',
        type: WorkflowList,
        headers: LIST_HEADERS,
        links: workflowLinks('/items/0'),
      },
    ],
    example: { query: { limit: 10, label_selector: 'team in (ml,data)' } },
  })
  async list(
    @Project() project: string,
    @Query() query: WorkflowsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    refuseSkipWithCursor(query);
    const { cursor, limit, skip, order, order_by: orderBy, label_selector: selector } = query;
    const filters: WorkflowFilters = {
      title: query.workflow_title,
      version: query.workflow_version,
      engine: query.workflow_engine,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
      archived: query.archived,
    };
    const scope: CursorScope = {
      list: 'workflows',
      project,
      order: `${orderBy} ${order}`,
      filters: { ...filters, selector },
    };
    const kinds = orderBy === 'id' ? (['bigint'] as const) : (['time', 'bigint'] as const);
    const { rows, next, unread } = await listWorkflows(this.database, {
      project,
      filters,
      terms: requestedSelector(selector ?? '', { parameter: 'label_selector' }),
      orderBy,
      direction: order,
      position: cursor === undefined ? undefined : decodeCursor(cursor, scope, kinds),
      limit,
      skip,
    });
    refuseSkipOfUnread(skip, unread);
    const estimatedCount = query.count && (await estimateWorkflows(this.database, project, filters));
    return sendList(
      reply,
      { path: '/v1/workflows', query: { ...query }, scope },
      { items: rows.map((row) => row.json), next, estimatedCount },
    );
  }

  @Get(':title')
  @Operation({
    id: 'listWorkflowVersions',
    summary: 'List the versions of a title, newest first',
    problems: ['workflow-not-found'],
    answers: [
      {
        status: 200,
        description: 'A page; it may be short.',
        type: WorkflowList,
        headers: LIST_HEADERS,
        links: workflowLinks('/items/0'),
      },
    ],
    example: { path: { title: 'example' }, query: { latest: true } },
  })
  async versions(
    @Project() project: string,
    @Param('title') title: string,
    @Query() query: VersionsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    const scope: CursorScope = {
      list: 'workflow-versions',
      project,
      order: 'version desc',
      filters: { title, archived: query.archived, latest: query.latest },
    };
    const page = await listVersions(this.database, project, title, {
      position: query.cursor === undefined ? undefined : decodeCursor(query.cursor, scope, ['int']),
      archived: query.archived,
      limit: query.latest ? 1 : query.limit,
    });
    if (!page) throw new Problem('workflow-not-found', { detail: `There is no workflow ${title}.` });
    const path = `/v1/workflows/${encodeURIComponent(title)}`;
    if (query.latest) {
      const latest = await readLatestVersion(this.database, project, title);
      return sendList(reply, { path, query: {}, scope }, { items: latest ? [latest.json] : [] });
    }
    return sendList(
      reply,
      { path, query: { ...query }, scope },
      { items: page.rows.map((row) => row.json), next: page.next },
    );
  }

  @Get(':title/:version')
  @Operation({
    id: 'getWorkflow',
    summary: 'Read one version, archived or not',
    problems: ['workflow-not-found'],
    answers: [{ status: 200, description: 'The version.', type: Workflow, links: workflowLinks() }],
    example: { path: { title: 'example', version: 1 } },
  })
  async get(
    @Project() project: string,
    @Param('title') title: string,
    @Param('version', IdPipe) version: number,
  ): Promise<Answer> {
    const { json } = await findWorkflow(this.database, project, title, version);
    return new Answer(200, undefined, json, false);
  }

  @Delete(':title/:version')
  @HttpCode(204)
  @Operation({
    id: 'archiveWorkflow',
    summary: 'Archive a version',
    description: 'Its runs stay readable and can be retried; nothing is deleted on the engine.',
    problems: ['workflow-not-found', 'workflow-has-active-runs'],
    answers: [{ status: 204, description: 'It is archived, now or before.' }],
    example: { path: { title: 'unused', version: 1 }, query: { force: true } },
  })
  archive(
    @Project() project: string,
    @Param('title') title: string,
    @Param('version', IdPipe) version: number,
    @Query() query: ArchiveQuery,
  ): Promise<void> {
    return this.archiving.archive(project, title, version, query.force);
  }

  @Patch(':title/:version/labels')
  @Operation({
    id: 'changeWorkflowLabels',
    summary: 'Add and remove labels of a version',
    problems: ['workflow-not-found'],
    answers: [{ status: 200, description: 'The version with its labels.', type: Workflow, links: workflowLinks() }],
    idempotent: true,
    body: true,
    example: {
      path: { title: 'example', version: 1 },
      body: { add: [{ key: 'stage', value: 'dev' }], remove: [{ key: 'stage', value: 'test' }] },
    },
  })
  changeLabels(
    @Write() write: WriteRequest,
    @Param('title') title: string,
    @Param('version', IdPipe) version: number,
    @Body() body: ChangeLabels,
  ): Promise<Answer> {
    const change = requestedChange(body);
    return idempotent(this.database, write, async (db) => {
      const { id } = await findWorkflow(db, write.project, title, version);
      await lockWorkflow(db, id);
      await changeLabels(db, WORKFLOW_LABELS, { project: write.project, id }, change);
      const changed = await readWorkflowById(db, write.project, id);
      return { status: 200, json: changed?.json ?? 'null' };
    });
  }
}

/** Writers of labels of one version take turns, so that its limit holds; runs can be created meanwhile. */
async function lockWorkflow(db: Db, id: number): Promise<void> {
  await db.query({
    name: 'workflows.lock-labels',
    text: `SELECT pg_advisory_xact_lock(hashtextextended('signalbox workflow labels', $1))`,
    values: [id],
  });
}
