const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;
export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour | undefined, text: string) => string;

/** Colours text, or leaves it alone. */
export function paintWith(enabled: boolean): Paint {
  return (colour, text) =>
    enabled && colour !== undefined && text !== '' ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** Whether to colour a stream: terminals only, unless told otherwise (https://no-color.org). */
export function wantsColour(input: { isTerminal: boolean; flag: boolean; env: NodeJS.ProcessEnv }): boolean {
  if (!input.flag || (input.env['NO_COLOR'] ?? '') !== '') return false;
  if ((input.env['FORCE_COLOR'] ?? '') !== '') return input.env['FORCE_COLOR'] !== '0';
  return input.isTerminal && input.env['TERM'] !== 'dumb';
}

const STATES: Record<string, { colour: Colour; glyph: string }> = {
  PENDING: { colour: 'dim', glyph: '○' },
  SCHEDULED: { colour: 'blue', glyph: '◌' },
  RUNNING: { colour: 'cyan', glyph: '●' },
  PAUSED: { colour: 'yellow', glyph: '‖' },
  RETRYING: { colour: 'yellow', glyph: '↻' },
  CANCELLING: { colour: 'yellow', glyph: '◍' },
  COMPLETED: { colour: 'green', glyph: '✔' },
  FAILED: { colour: 'red', glyph: '✖' },
  CANCELLED: { colour: 'magenta', glyph: '■' },
  SKIPPED: { colour: 'dim', glyph: '↷' },
  // registrations and engines
  READY: { colour: 'green', glyph: '✔' },
  UP: { colour: 'green', glyph: '✔' },
  DOWN: { colour: 'red', glyph: '✖' },
  UNAUTHORIZED: { colour: 'red', glyph: '✖' },
  SUSPECT: { colour: 'yellow', glyph: '?' },
};

/** How a state word looks; words of a newer server look plain. */
export function lookOfState(state: string): { colour: Colour | undefined; glyph: string } {
  return STATES[state] ?? { colour: undefined, glyph: '·' };
}
