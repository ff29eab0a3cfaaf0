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
const MINUS = '-'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** Minutes that were written lately, each in the place that its number since 1970 leads to: times of a page lie close together. */
const minutes = Array.from({ length: 64 }, () => ({ number: Number.NaN, text: '' }));
const SECONDS = Array.from({ length: 60 }, (_, second) => String(second).padStart(2, '0'));
const MILLISECONDS = Array.from({ length: 1000 }, (_, millisecond) => `.${String(millisecond).padStart(3, '0')}Z`);

/**
 * Microseconds since 1970, the digits of `text` from `start` to `end`, as `sqlTime` writes them: cut to milliseconds. Put together
 * from texts that are there: a page of runs has three hundred times.
 */
export function rfc3339(text: string, start = 0, end = text.length): string {
  if (end - start !== DIGITS || text.charCodeAt(start) === MINUS) {
    return new Date(Math.floor(Number(text.slice(start, end)) / 1000)).toISOString();
  }
  const seconds = integerAt(text, start, SECOND_DIGITS);
  const number = Math.floor(seconds / 60);
  return `${minuteText(number)}${SECONDS[seconds - number * 60]}${MILLISECONDS[integerAt(text, start + SECOND_DIGITS, 3)]}`;
}

/** Up to its seconds. */
function minuteText(number: number): string {
  const slot = number % minutes.length;
  const known = minutes[slot];
  if (known?.number === number) return known.text;
  const text = new Date(number * 60_000).toISOString().slice(0, -'00.000Z'.length);
  minutes[slot] = { number, text };
  return text;
}

/** Of so many digits, without a text of their own. */
function integerAt(text: string, start: number, digits: number): number {
  let integer = 0;
  for (let at = start; at < start + digits; at++) integer = integer * 10 + text.charCodeAt(at) - ZERO;
  return integer;
}
