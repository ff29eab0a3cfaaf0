import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { LIST_HEADERS, sendList } from '../lists/send-list.js';
import type { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { wantsEventStream } from '../platform/http/accepts.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Project } from '../platform/http/project.js';
import { Traceparent } from '../platform/http/traceparent.js';
import { Write, type WriteRequest } from '../platform/http/write-request.js';
import { Operation } from '../platform/openapi/operation.js';
import { taskRunLinks } from './run-links.js';
import { RunReader } from './run-reader.js';
import { TaskRequests } from './task-requests.js';
import { TaskRunAccess, type LogBody } from './task-run-access.js';
import { logsOperation, readOperation, requestOperation } from './task-run-operations.js';
import { listTaskRuns } from './task-runs-store.js';
import { CreateTaskLifecycleEvent, LogsQuery, TaskRunsQuery } from './workflow-run-requests.dto.js';
import { TaskRunList, type AllowedActionDto } from './workflow-run.dto.js';

/** Task runs of a run; each of them also under the run's path. */
@ApiTags('Task runs')
@Controller('workflow-runs/:id/task-runs')
export class RunTaskRunsController {
  constructor(
    private readonly database: Database,
    private readonly reader: RunReader,
    private readonly access: TaskRunAccess,
    private readonly requests: TaskRequests,
  ) {}

  @Get()
  @Operation({
    id: 'listTaskRuns',
    summary: 'Task runs of a run, in the order of its graph',
    problems: ['workflow-run-not-found'],
    answers: [
      {
        status: 200,
        description: 'A page; none yet is an empty one.',
        type: TaskRunList,
        headers: LIST_HEADERS,
        links: taskRunLinks('/items/0'),
      },
    ],
    example: { path: { id: 1 }, query: { state: 'COMPLETED' } },
  })
  async list(
    @Project() project: string,
    @Param('id', IdPipe) id: number,
    @Query() query: TaskRunsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    await this.reader.find(this.database, project, id);
    const states = query.state && [...new Set(query.state)].sort();
    const filters = { id, task_title: query.task_title, state: states };
    const scope: CursorScope = { list: 'task-runs', project, order: 'position asc', filters };
    const rows = await listTaskRuns(this.database, id, {
      title: query.task_title,
      states,
      after: query.cursor === undefined ? undefined : decodeCursor(query.cursor, scope, ['int', 'int']),
      limit: query.limit,
    });
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return sendList(
      reply,
      { path: `/v1/workflow-runs/${id}/task-runs`, query: { ...query }, scope },
      {
        items: page.map((row) => row.json),
        next: rows.length > query.limit && last ? [last.position, last.mapIndex] : undefined,
      },
    );
  }

  @Get(':task_run_id')
  @Operation(readOperation('getTaskRunOfRun', { path: { id: 1, task_run_id: 1 } }))
  get(
    @Project() project: string,
    @Param('id', IdPipe) runId: number,
    @Param('task_run_id', IdPipe) id: number,
  ): Promise<Answer> {
    return this.access.read({ project, id, runId });
  }

  @Get(':task_run_id/logs')
  @Operation(logsOperation('getTaskRunLogsOfRun', { path: { id: 1, task_run_id: 1 } }))
  logs(
    @Project() project: string,
    @Param('id', IdPipe) runId: number,
    @Param('task_run_id', IdPipe) id: number,
    @Query() query: LogsQuery,
    @Headers('accept') accept: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Traceparent() traceparent: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LogBody> {
    const path = `/v1/workflow-runs/${runId}/task-runs/${id}/logs`;
    const request = { ...query, follow: wantsEventStream(accept), lastEventId, path, traceparent };
    return this.access.logs({ project, id, runId }, request, reply);
  }

  @Post(':task_run_id/lifecycle-events')
  @Operation(
    requestOperation('createTaskRunLifecycleEventOfRun', {
      path: { id: 1, task_run_id: 1 },
      body: { type: 'RETRY', reason: 'the disk was full' },
    }),
  )
  async request(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) runId: number,
    @Param('task_run_id', IdPipe) id: number,
    @Body() body: CreateTaskLifecycleEvent,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | AllowedActionDto | undefined> {
    if (body.dry_run === true) void reply.status(200);
    return this.requests.request(write, { project: write.project, id, runId }, body);
  }
}
