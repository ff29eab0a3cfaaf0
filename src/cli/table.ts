import Table from 'cli-table3';
import { lookOfState, type Paint } from './paint.js';
import { safeLine } from './safe-text.js';

export interface Column<Row> {
  title: string;
  value: (row: Row) => string | number | boolean | null | undefined;
  /** The value is a state word: coloured. */
  state?: boolean;
  align?: 'left' | 'right';
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Rows as aligned columns under upper-case titles, without borders; values are made safe for a terminal. */
export function renderTable<Row>(columns: Column<Row>[], rows: Row[], paint: Paint): string {
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: columns.map((column) => column.align ?? 'left'),
  });
  table.push(columns.map((column) => paint('dim', column.title.toUpperCase())));
  for (const row of rows) {
    table.push(
      columns.map((column) => {
        const text = safeLine(String(column.value(row) ?? ''));
        return column.state ? paint(lookOfState(text).colour, text) : text;
      }),
    );
  }
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

/** One object as `name  value` lines; absent values are left out. */
export function renderFields(fields: [name: string, value: string | number | undefined][], paint: Paint): string {
  const present = fields.filter(
    (field): field is [string, string | number] => field[1] !== undefined && field[1] !== '',
  );
  const width = Math.max(0, ...present.map(([name]) => name.length));
  return present
    .map(([name, value]) => {
      const text = safeLine(String(value));
      const shown = name === 'state' ? paint(lookOfState(text).colour, text) : text;
      return `${paint('dim', name.padEnd(width))}  ${shown}\n`;
    })
    .join('');
}
