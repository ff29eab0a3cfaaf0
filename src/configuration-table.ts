import { CONFIG_SCHEMA, type ConfigEntry } from './config-schema.js';
import { formatDuration } from './config-duration.js';

/** README's table of every key, as Markdown. */
export function configurationTable(): string {
  const rows = CONFIG_SCHEMA.map((entry) => {
    const names = entry.kind === 'url' ? `\`${entry.name}\`, \`${entry.name}_FILE\`` : `\`${entry.name}\``;
    return [names, entry.default === undefined ? '-' : `\`${entry.default}\``, allowed(entry), entry.meaning];
  });
  return tableOf(['name', 'default', 'allowed', 'meaning'], rows);
}

function tableOf(head: string[], rows: string[][]): string {
  // The widths prettier gives a table, so that the generated text and the formatted file are the same.
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function allowed(entry: ConfigEntry): string {
  switch (entry.kind) {
    case 'duration':
      return `${formatDuration(entry.min)} to ${formatDuration(entry.max)}`;
    case 'integer':
      return `${entry.min} to ${entry.max}${entry.unit && ` ${entry.unit}`}`;
    case 'choice':
      return entry.choices.join(', ');
    case 'path':
      return 'a path';
    case 'url':
      return entry.protocols.map((protocol) => `\`${protocol}//...\``).join(' or ');
    case 'string':
      return 'text';
  }
}
