/**
 * Ids of the messages of a followed log. They name the attempt, for a cursor means nothing in the log of another one, and they
 * are opaque to clients.
 */

/** Where in which log a follower goes on. */
export interface LogPlace {
  attempt: number;
  /** Of the engine; absent = the attempt has ended and all of its log was sent. */
  cursor?: string | undefined;
}

/** A cursor may be any visible characters, so the end is told from one by what stands in front of it. */
const ID = /^(?:(?<ended>0|[1-9]\d{0,9})\/end|(?<attempt>[1-9]\d{0,9}):(?<cursor>[\x21-\x7e]{1,500}))$/;

export function toLogEventId({ attempt, cursor }: LogPlace): string {
  return cursor === undefined ? `${attempt}/end` : `${attempt}:${cursor}`;
}

/** Nothing where it is no such id. */
export function readLogEventId(id: string): LogPlace | undefined {
  const groups = ID.exec(id)?.groups;
  if (!groups) return undefined;
  return { attempt: Number(groups['ended'] ?? groups['attempt']), cursor: groups['cursor'] };
}
