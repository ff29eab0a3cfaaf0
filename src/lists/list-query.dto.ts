import { IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { Problem } from '../platform/problem.js';
import { QueryInteger } from './query-values.js';

export class PageQuery {
  /** Entries of a page at most. */
  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(1)
  @Max(1000)
  limit: number = 100;

  /** `next_cursor` of the page before; bound to the list's project, order and filters. */
  @IsOptional()
  @IsString()
  cursor?: string;
}

export class ListQuery extends PageQuery {
  /** Both are immutable; equal times are ordered by id. */
  @IsOptional()
  @IsIn(['id', 'created_at'])
  order_by: 'id' | 'created_at' = 'id';

  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'desc';

  /** Entries to leave out at the start, for small lists; not together with a cursor. */
  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(0)
  @Max(10_000)
  skip: number = 0;

  /** `estimate` adds `estimated_count`, the query planner's guess. */
  @IsOptional()
  @IsIn(['estimate'])
  count?: 'estimate';
}

/** A cursor says where to go on; leaving out entries from there is a mistake. */
export function refuseSkipWithCursor(query: ListQuery): void {
  if (query.cursor === undefined || query.skip === 0) return;
  throw new Problem('validation-failed', {
    detail: 'The list cannot be read from there.',
    errors: [{ parameter: 'skip', code: 'skip-with-cursor', message: 'skip and cursor exclude each other.' }],
  });
}
