import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { LIST_HEADERS, sendList } from '../lists/send-list.js';
import type { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { Project } from '../platform/http/project.js';
import { Operation } from '../platform/openapi/operation.js';
import { DriftList, DriftQuery } from './drift.dto.js';
import { listDrift } from './drift-store.js';

@ApiTags('Administration')
@Controller('admin/drift')
export class DriftController {
  constructor(private readonly database: Database) {}

  @Get()
  @Operation({
    id: 'listDrift',
    summary: 'What engines hold that contradicts the record',
    description: 'Nothing of it is mended by guessing: an orphan is neither adopted, cancelled nor deleted by itself.',
    problems: [],
    answers: [{ status: 200, description: 'Open entries, newest first.', type: DriftList, headers: LIST_HEADERS }],
    example: { query: { kind: 'orphan' } },
  })
  async list(
    @Project() project: string,
    @Query() query: DriftQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    const { kind, workflow_engine: engine, limit } = query;
    const scope: CursorScope = { list: 'drift', project, order: 'id desc', filters: { kind, engine } };
    const position = query.cursor === undefined ? [] : decodeCursor(query.cursor, scope, ['bigint']);
    const before = position[0] === undefined ? undefined : Number(position[0]);
    const rows = await listDrift(this.database, { project, kind, engine, before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return sendList(
      reply,
      { path: '/v1/admin/drift', query: { ...query }, scope },
      { items: page.map(({ json }) => json), next: rows.length > limit && last !== undefined ? [last.id] : undefined },
    );
  }
}
