/**
 * A timestamptz as RFC 3339 in UTC with milliseconds, as every answer shows times; NULL stays NULL. A page of runs holds
 * hundreds of them and to_json() takes a quarter of the time of to_char(); the microsecond keeps it from leaving out zeros.
 */
export function sqlTime(column: string): string {
  const exact = `date_trunc('milliseconds', ${column} AT TIME ZONE 'UTC') + interval '1 microsecond'`;
  return `substr(to_json(${exact})::text, 2, 23) || 'Z'`;
}

/** With microseconds: all the precision there is, for cursors. */
export function sqlExactTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** A timestamptz as an integer, whose digits are for `rfc3339`: where times are many, PostgreSQL is slow at writing them. */
export function sqlMicroseconds(column: string): string {
  return `(date_part('epoch', ${column}) * 1e6)::bigint`;
}

/** Digits of the microseconds of any time from 2001 to 2286. */
const DIGITS = 16;
const SECOND_DIGITS = 10;
/** The second that was last written, as digits and up to its point: times of a run, and of a page, lie close together. */
let second = { digits: 'none', text: '' };

/** Microseconds since 1970, the digits of `text` from `start` to `end`, as `sqlTime` writes them: cut to milliseconds. */
export function rfc3339(text: string, start = 0, end = text.length): string {
  if (end - start !== DIGITS || text[start] === '-') {
    return new Date(Math.floor(Number(text.slice(start, end)) / 1000)).toISOString();
  }
  if (!text.startsWith(second.digits, start)) {
    const digits = text.slice(start, start + SECOND_DIGITS);
    second = { digits, text: new Date(Number(digits) * 1000).toISOString().slice(0, -'000Z'.length) };
  }
  return `${second.text}${text.slice(start + SECOND_DIGITS, start + SECOND_DIGITS + 3)}Z`;
}
