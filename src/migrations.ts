import { ENGINE_KINDS } from './engines/registry.js';
import type { MigrationSet } from './platform/migrator.js';

/** The service's own tables first; engines that keep tables of their own follow, each in its schema. */
export const MIGRATIONS: readonly MigrationSet[] = [
  { schema: 'public', directory: new URL('../migrations/', import.meta.url) },
  ...ENGINE_KINDS.flatMap((kind) => kind.migrations ?? []),
];
