import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Readable } from 'node:stream';
import { requestedSelector } from '../labels/label-selector.js';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { PageQuery } from '../lists/list-query.dto.js';
import { LIST_HEADERS, sendList } from '../lists/send-list.js';
import { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { wantsEventStream } from '../platform/http/accepts.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Project } from '../platform/http/project.js';
import { Operation } from '../platform/openapi/operation.js';
import { isFinal } from '../lifecycle/run-state.js';
import { onceClosed, openEventStream } from './event-stream.js';
import { followEvents } from './follow-events.js';
import { listEvents } from './lifecycle-events-store.js';
import { runLinks } from './run-links.js';
import { RunReader } from './run-reader.js';
import { RunTailer } from './run-tailer.js';
import { StreamSlots } from './stream-slots.js';
import { SyncRuns } from './sync-runs.js';
import { SyncWorkflowRuns, WaitQuery } from './workflow-run-requests.dto.js';
import { LifecycleEventList, SyncSummary, WorkflowRun } from './workflow-run.dto.js';

/** What happens to runs: history, streams, long polls, and reconciling on request. */
@ApiTags('Workflow runs')
@Controller('workflow-runs')
export class RunFollowingController {
  constructor(
    private readonly database: Database,
    private readonly reader: RunReader,
    private readonly tailer: RunTailer,
    private readonly slots: StreamSlots,
    private readonly syncing: SyncRuns,
  ) {}

  @Get(':id/lifecycle-events')
  @Operation({
    id: 'listLifecycleEvents',
    summary: 'The history of a run; as an event stream it is followed',
    description:
      'With `Accept: text/event-stream` each message is one event with its `seq` as id; `Last-Event-ID` goes on after it. The stream ends after the final event, and answers 204 to whoever comes back with that one.',
    problems: ['workflow-run-not-found', 'too-many-requests'],
    answers: [
      {
        status: 200,
        description: 'Events in their order, or a stream of them.',
        type: LifecycleEventList,
        mediaTypes: ['application/json', 'text/event-stream'],
        headers: LIST_HEADERS,
      },
      { status: 204, description: 'A stream that has nothing more to say: browsers do not connect again.' },
    ],
    example: { path: { id: 1 } },
  })
  async events(
    @Project() project: string,
    @Param('id', IdPipe) id: number,
    @Query() query: PageQuery,
    @Headers('accept') accept: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | Readable | undefined> {
    const run = await this.reader.find(this.database, project, id);
    const scope: CursorScope = { list: 'lifecycle-events', project, order: 'seq asc', filters: { id } };
    const after = query.cursor === undefined ? 0 : Number(decodeCursor(query.cursor, scope, ['int'])[0]);
    if (wantsEventStream(accept)) {
      // Of a record that was restored it may lie ahead: nothing after it would ever come.
      const seq = Math.min(seqOf(lastEventId), run.eventSeq);
      if (lastEventId !== undefined && isFinal(run.state) && seq >= run.eventSeq) {
        void reply.status(204);
        return undefined;
      }
      return openEventStream(reply, (signal) => followEvents(this.tailer, id, seq, signal), this.slots.take(project));
    }
    const rows = await listEvents(this.database, id, after, query.limit);
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return sendList(
      reply,
      { path: `/v1/workflow-runs/${id}/lifecycle-events`, query: { ...query }, scope },
      { items: page.map((row) => row.json), next: rows.length > query.limit && last ? [last.seq] : undefined },
    );
  }

  @Get(':id/wait')
  @Operation({
    id: 'waitForWorkflowRun',
    summary: 'Wait until a run is final',
    description: 'Answers with the run either way, from the record; a run that is waited for is looked at sooner.',
    problems: ['workflow-run-not-found', 'too-many-requests'],
    answers: [{ status: 200, description: 'The run, final or not.', type: WorkflowRun, links: runLinks() }],
    example: { path: { id: 1 }, query: { until: 'final', timeout: 1 } },
  })
  async wait(
    @Project() project: string,
    @Param('id', IdPipe) id: number,
    @Query() query: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    const run = await this.reader.find(this.database, project, id);
    if (!isFinal(run.state)) await this.waitUntilFinal(project, id, run.eventSeq, query.timeout, reply);
    return new Answer(200, undefined, await this.reader.read(project, id, { refresh: false }), false);
  }

  @Post('sync')
  @HttpCode(200)
  @Operation({
    id: 'syncWorkflowRuns',
    summary: 'Reconcile active runs with their engines now',
    problems: [],
    answers: [{ status: 200, description: 'What was looked at, what changed, what failed.', type: SyncSummary }],
    body: true,
    example: { body: { workflow_engine: 'local', label_selector: 'team=ml' } },
  })
  sync(@Project() project: string, @Body() body: SyncWorkflowRuns): Promise<SyncSummary> {
    const terms = requestedSelector(body.label_selector ?? '', { pointer: '/label_selector' });
    return this.syncing.sync(project, body.workflow_engine ?? undefined, terms);
  }

  private async waitUntilFinal(
    project: string,
    id: number,
    seq: number,
    timeoutSeconds: number,
    reply: FastifyReply,
  ): Promise<void> {
    const slot = this.slots.take(project);
    const over = new AbortController();
    const end = (): void => over.abort();
    const timer = setTimeout(end, timeoutSeconds * 1000);
    onceClosed(reply, end);
    try {
      let at = seq;
      for (;;) {
        const news = await this.tailer.next(id, at, over.signal);
        if (!news || news.ended) return;
        at = news.events.at(-1)?.seq ?? at;
      }
    } finally {
      clearTimeout(timer);
      reply.raw.off('close', end);
      slot.release();
    }
  }
}

/** Of the column. */
const MAX_SEQ = 2_147_483_647;

/** What is not one of our ids starts the stream from the beginning, as a client without one does. */
function seqOf(lastEventId: string | undefined): number {
  return lastEventId !== undefined && /^\d{1,10}$/.test(lastEventId) ? Math.min(Number(lastEventId), MAX_SEQ) : 0;
}
