import type { Query } from './api-client.js';
import type { Session } from './cli.js';
import type { ListOptions } from './command-options.js';
import { renderTable, type Column } from './table.js';

/** Prints one page of a list, or all of it: `{items, next_cursor?}` as JSON, else a table. */
export async function showList<Item>(
  session: Session,
  path: string,
  query: Query,
  options: ListOptions,
  columns: Column<Item>[],
): Promise<void> {
  const { terminal, api } = session;
  const asked = { ...query, limit: options.limit, cursor: options.cursor, order: options.order };
  if (options.all) {
    const items: Item[] = [];
    for await (const item of api.all<Item>(path, { ...asked, limit: options.limit ?? 1000 })) items.push(item);
    if (terminal.json) terminal.document({ items });
    else terminal.data(renderTable(columns, items, terminal.paint));
    return;
  }
  const { page, nextCursor } = await api.page<Item>(path, asked);
  if (terminal.json) {
    terminal.document(page);
    return;
  }
  terminal.data(renderTable(columns, page.items, terminal.paint));
  if (nextCursor !== undefined) terminal.talk(`There is more: --all, or --cursor ${nextCursor}`);
}
