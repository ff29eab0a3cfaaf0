import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { requestedSelector } from '../labels/label-selector.js';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { LIST_HEADERS, sendList } from '../lists/send-list.js';
import type { Answer } from '../platform/answer.js';
import { Project } from '../platform/http/project.js';
import { Traceparent } from '../platform/http/traceparent.js';
import { Write, type WriteRequest } from '../platform/http/write-request.js';
import { Operation } from '../platform/openapi/operation.js';
import { EngineWorkflowList, EngineWorkflowsQuery, ImportRequest, ImportSummary } from './engine-workflows.dto.js';
import { ImportWorkflows, type ImportAnswer } from './import-workflows.js';

/** What an engine has already, and how it becomes workflows. */
@ApiTags('Workflows')
@Controller('engines')
export class EngineWorkflowsController {
  constructor(private readonly importing: ImportWorkflows) {}

  @Get(':name/workflows')
  @Operation({
    id: 'listEngineWorkflows',
    summary: 'What an engine has that could be imported',
    description: 'Asks the engine. A page is the engine’s own, less what the selector leaves out: it may be short.',
    problems: ['engine-not-found', 'engine-cannot', 'engine-unavailable'],
    answers: [
      {
        status: 200,
        description: 'A page.',
        type: EngineWorkflowList,
        headers: LIST_HEADERS,
        links: {
          import: { operationId: 'importEngineWorkflows', parameters: { name: '$request.path.name' } },
        },
      },
    ],
    example: { path: { name: 'local' }, query: { label_selector: 'tag=nightly' } },
  })
  async list(
    @Project() project: string,
    @Param('name') engine: string,
    @Query() query: EngineWorkflowsQuery,
    @Traceparent() traceparent: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    const { label_selector: selector } = query;
    const terms = requestedSelector(selector ?? '', { parameter: 'label_selector' });
    const scope: CursorScope = { list: 'engine-workflows', project, order: 'name', filters: { engine, selector } };
    const position = query.cursor === undefined ? [] : decodeCursor(query.cursor, scope, ['text']);
    const cursor = position[0] === undefined ? undefined : String(position[0]);
    const { offers, nextCursor, gaps } = await this.importing.discover(
      { project, engine },
      { cursor, terms, traceparent },
    );
    return sendList(
      reply,
      { path: `/v1/engines/${encodeURIComponent(engine)}/workflows`, query: { ...query }, scope },
      {
        items: offers.map(({ notes: _notes, ...offer }) => JSON.stringify(offer)),
        next: nextCursor === undefined ? undefined : [nextCursor],
        more: gaps.length > 0 ? { gaps } : {},
      },
    );
  }

  @Post(':name/import')
  @HttpCode(200)
  @Operation({
    id: 'importEngineWorkflows',
    summary: 'Register what an engine has',
    description:
      'Each reference becomes a workflow of format `reference`, titled as the engine calls it, with its labels and the parameters it declares. Repeatable: what is registered stays as it is. One that is refused stops no other.',
    problems: ['engine-not-found', 'engine-cannot', 'engine-unavailable'],
    answers: [
      {
        status: 200,
        description: 'What became of each.',
        type: ImportSummary,
        links: {
          workflow: {
            operationId: 'getWorkflow',
            parameters: {
              title: '$response.body#/items/0/workflow/title',
              version: '$response.body#/items/0/workflow/version',
            },
          },
        },
      },
    ],
    idempotent: true,
    body: true,
    example: { path: { name: 'local' }, body: { references: ['nightly-report'] } },
  })
  import(
    @Write() write: WriteRequest,
    @Param('name') engine: string,
    @Body() { references, dry_run: dryRun }: ImportRequest,
  ): Promise<Answer | ImportAnswer> {
    if (dryRun === true) return this.importing.dryRun(write, engine, references);
    return this.importing.import(write, engine, references);
  }
}
