/** A timestamptz as RFC 3339 in UTC with milliseconds, as every answer shows times; NULL stays NULL. */
export function sqlTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** With microseconds: all the precision there is, for cursors. */
export function sqlExactTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
