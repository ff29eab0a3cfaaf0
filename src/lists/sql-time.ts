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

/** A timestamptz as an integer, for `rfc3339`: where times are many, PostgreSQL is slow at writing them. */
export function sqlMicroseconds(column: string): string {
  return `(date_part('epoch', ${column}) * 1e6)::bigint`;
}

const MINUTE_MS = 60_000;
/** Up to the seconds, of the minute that was last written: times of a page lie close together. */
let minute = { number: Number.NaN, text: '' };

/** Microseconds since 1970 as `sqlTime` writes them: cut to milliseconds. */
export function rfc3339(microseconds: number): string {
  const ms = Math.floor(microseconds / 1000);
  const number = Math.floor(ms / MINUTE_MS);
  if (number !== minute.number) {
    minute = { number, text: new Date(number * MINUTE_MS).toISOString().slice(0, -'00.000Z'.length) };
  }
  const rest = String(100_000 + ms - number * MINUTE_MS);
  return `${minute.text}${rest.slice(1, 3)}.${rest.slice(3)}Z`;
}
