import { CONFIG_SCHEMA, type ConfigEntry } from './config-schema.js';
import { markdownTable } from './platform/markdown-table.js';
import { formatDuration } from './config-duration.js';

/** README's table of every key, as Markdown. */
export function configurationTable(): string {
  const rows = CONFIG_SCHEMA.map((entry) => {
    const names = entry.kind === 'url' ? `\`${entry.name}\`, \`${entry.name}_FILE\`` : `\`${entry.name}\``;
    return [names, entry.default === undefined ? '-' : `\`${entry.default}\``, allowed(entry), entry.meaning];
  });
  return markdownTable(['name', 'default', 'allowed', 'meaning'], rows);
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
