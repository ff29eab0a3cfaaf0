import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Answer } from '../platform/answer.js';
import { wantsEventStream } from '../platform/http/accepts.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Project } from '../platform/http/project.js';
import { Traceparent } from '../platform/http/traceparent.js';
import { Write, type WriteRequest } from '../platform/http/write-request.js';
import { Operation } from '../platform/openapi/operation.js';
import { TaskRequests } from './task-requests.js';
import { TaskRunAccess, type LogBody } from './task-run-access.js';
import { logsOperation, readOperation, requestOperation } from './task-run-operations.js';
import { CreateTaskLifecycleEvent, LogsQuery } from './workflow-run-requests.dto.js';
import type { AllowedActionDto } from './workflow-run.dto.js';

/** Task runs by their own ids. */
@ApiTags('Task runs')
@Controller('task-runs/:id')
export class TaskRunsController {
  constructor(
    private readonly access: TaskRunAccess,
    private readonly requests: TaskRequests,
  ) {}

  @Get()
  @Operation(readOperation('getTaskRun', { path: { id: 1 } }))
  get(@Project() project: string, @Param('id', IdPipe) id: number): Promise<Answer> {
    return this.access.read({ project, id });
  }

  @Get('logs')
  @Operation(logsOperation('getTaskRunLogs', { path: { id: 1 }, query: { attempt: 1 } }))
  logs(
    @Project() project: string,
    @Param('id', IdPipe) id: number,
    @Query() query: LogsQuery,
    @Headers('accept') accept: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Traceparent() traceparent: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LogBody> {
    const path = `/v1/task-runs/${id}/logs`;
    const request = { ...query, follow: wantsEventStream(accept), lastEventId, path, traceparent };
    return this.access.logs({ project, id }, request, reply);
  }

  @Post('lifecycle-events')
  @Operation(
    requestOperation('createTaskRunLifecycleEvent', {
      path: { id: 1 },
      body: { type: 'RETRY', reason: 'the disk was full' },
    }),
  )
  async request(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: CreateTaskLifecycleEvent,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | AllowedActionDto | undefined> {
    if (body.dry_run === true) void reply.status(200);
    return this.requests.request(write, { project: write.project, id }, body);
  }
}
