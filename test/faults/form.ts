/** Long rows have a short form, for `npm test`, and a full one, for `npm run faults`. */
export const FULL = process.env['FAULTS'] === 'full';

export function form<T>(short: T, full: T): T {
  return FULL ? full : short;
}
