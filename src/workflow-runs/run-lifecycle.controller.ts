import { Body, Controller, Param, Post, Put, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { WakeUps } from '../dispatch/wake-ups.js';
import type { LifecycleRequestType } from '../lifecycle/lifecycle-event.js';
import { LifecycleRequests } from '../lifecycle/lifecycle-requests.js';
import { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Write, type WriteRequest } from '../platform/http/write-request.js';
import { idempotent } from '../platform/idempotency.js';
import { Operation } from '../platform/openapi/operation.js';
import { lifecycleOperation } from './lifecycle-operation.js';
import { RunReader } from './run-reader.js';
import { CreateLifecycleEvent, LifecycleRequestBody } from './workflow-run-requests.dto.js';
import { AllowedActionDto } from './workflow-run.dto.js';

/** Requests that change what is wanted of a run. */
@ApiTags('Workflow runs')
@Controller('workflow-runs/:id')
export class RunLifecycleController {
  constructor(
    private readonly database: Database,
    private readonly requests: LifecycleRequests,
    private readonly wakeUps: WakeUps,
    private readonly reader: RunReader,
  ) {}

  @Put('cancel')
  @Operation(
    lifecycleOperation('cancelWorkflowRun', 'Cancel a run', { path: { id: 1 }, body: { reason: 'not needed' } }),
  )
  cancel(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: LifecycleRequestBody,
  ): Promise<Answer> {
    return this.request(write, id, 'CANCEL', body);
  }

  @Put('retry')
  @Operation(
    lifecycleOperation('retryWorkflowRun', 'Retry a run that has failed or was cancelled', {
      path: { id: 2 },
      body: { generation: 1 },
    }),
  )
  retry(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: LifecycleRequestBody,
  ): Promise<Answer> {
    return this.request(write, id, 'RETRY', body);
  }

  @Put('pause')
  @Operation(
    lifecycleOperation('pauseWorkflowRun', 'Pause a run', { path: { id: 3 }, body: { reason: 'maintenance' } }),
  )
  pause(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: LifecycleRequestBody,
  ): Promise<Answer> {
    return this.request(write, id, 'PAUSE', body);
  }

  @Put('resume')
  @Operation(lifecycleOperation('resumeWorkflowRun', 'Resume a run that is paused', { path: { id: 3 }, body: {} }))
  resume(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: LifecycleRequestBody,
  ): Promise<Answer> {
    return this.request(write, id, 'RESUME', body);
  }

  @Post('lifecycle-events')
  @Operation({
    ...lifecycleOperation(
      'createLifecycleEvent',
      'Ask for a cancel, retry, pause or resume',
      { path: { id: 1 }, body: { type: 'CANCEL', generation: 1 } },
      AllowedActionDto,
    ),
    description: 'With `dry_run` the answer is only `{action, available, reason?}`, and nothing is stored.',
  })
  async create(
    @Write() write: WriteRequest,
    @Param('id', IdPipe) id: number,
    @Body() body: CreateLifecycleEvent,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | AllowedActionDto | undefined> {
    if (body.dry_run !== true) return this.request(write, id, body.type, body);
    void reply.status(200);
    const { project } = write;
    const { action } = await this.requests.request({ project, runId: id, ...wish(body.type, body), dryRun: true });
    return action;
  }

  private async request(
    write: WriteRequest,
    id: number,
    type: LifecycleRequestType,
    body: LifecycleRequestBody,
  ): Promise<Answer> {
    let engine: string | undefined;
    const answer = await idempotent(this.database, write, async (db) => {
      const { answer: said } = await this.requests.request({
        project: write.project,
        runId: id,
        ...wish(type, body),
        db,
      });
      const row = await this.reader.find(db, write.project, id);
      engine = said === 'accepted' ? row.engine : undefined;
      return { status: said === 'accepted' ? 202 : 200, json: this.reader.toJson(row) };
    });
    if (!answer.replayed && engine !== undefined) this.wakeUps.wake(engine);
    return answer;
  }
}

function wish(
  type: LifecycleRequestType,
  body: LifecycleRequestBody,
): { type: LifecycleRequestType; generation?: number | undefined; reason?: string | undefined } {
  return { type, generation: body.generation ?? undefined, reason: body.reason ?? undefined };
}
