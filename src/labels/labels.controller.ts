import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { decodeCursor, type CursorScope } from '../lists/cursor.js';
import { LIST_HEADERS, sendList } from '../lists/send-list.js';
import type { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { Project } from '../platform/http/project.js';
import { Operation } from '../platform/openapi/operation.js';
import { LabelUseList, LabelsQuery } from './labels.dto.js';
import { listVocabulary } from './labels-store.js';

@ApiTags('Labels')
@Controller('labels')
export class LabelsController {
  constructor(private readonly database: Database) {}

  @Get()
  @Operation({
    id: 'listLabels',
    summary: 'The vocabulary of labels in use, with counts',
    problems: [],
    answers: [
      { status: 200, description: 'Labels in order of key and value.', type: LabelUseList, headers: LIST_HEADERS },
    ],
    example: { query: { prefix: 'te' } },
  })
  async list(
    @Project() project: string,
    @Query() query: LabelsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    const scope: CursorScope = { list: 'labels', project, order: 'key', filters: { prefix: query.prefix } };
    const position = query.cursor === undefined ? undefined : decodeCursor(query.cursor, scope, ['text', 'text']);
    const rows = await listVocabulary(this.database, project, query.prefix, position, query.limit);
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return sendList(
      reply,
      { path: '/v1/labels', query: { ...query }, scope },
      {
        items: page.map((row) => row.json),
        next: rows.length > query.limit && last !== undefined ? [last.key, last.value] : undefined,
      },
    );
  }
}
