import type { FastifyReply } from 'fastify';
import type { Json } from '../../definition/definition-types.js';
import { Answer } from '../platform/answer.js';
import { Problem } from '../platform/problem.js';
import { encodeCursor, type CursorScope, type Position } from './cursor.js';
import { linkNext } from './link-header.js';
import { listBody } from './list-body.js';

/** For the description of list operations. */
export const LIST_HEADERS = { Link: '`rel="next"` while there is a next page; its absence alone is the end.' };

export interface ListAnswer {
  /** As JSON texts, each of one entry or of several with commas between them. */
  items: readonly string[];
  next?: Position | undefined;
  estimatedCount?: number | undefined;
  /** Members beside the items. */
  more?: Readonly<Record<string, Json>>;
}

/** The answer of a list: its body, and the `Link` whose absence says that this was the last page. */
export function sendList(
  reply: FastifyReply,
  request: { path: string; query: Readonly<Record<string, unknown>>; scope: CursorScope },
  answer: ListAnswer,
): Answer {
  const nextCursor = answer.next === undefined ? undefined : encodeCursor(request.scope, answer.next);
  if (nextCursor !== undefined) linkNext(reply, request.path, request.query, nextCursor);
  const body = listBody(answer.items, {
    ...(nextCursor === undefined ? {} : { nextCursor }),
    ...(answer.estimatedCount === undefined ? {} : { estimatedCount: answer.estimatedCount }),
    ...(answer.more === undefined ? {} : { more: answer.more }),
  });
  return new Answer(200, undefined, body, false);
}

/** Skipping counts matches from the start; where a page ends before it found them all, that count would be wrong. */
export function refuseSkipOfUnread(skip: number, unread: boolean): void {
  if (skip === 0 || !unread) return;
  throw new Problem('validation-failed', {
    detail: 'The list is too long to skip entries of it with this selector.',
    errors: [{ parameter: 'skip', code: 'list-too-long', message: 'Read this list with its cursor.' }],
  });
}
