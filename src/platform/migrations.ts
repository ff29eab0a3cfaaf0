import type { MigrationSet } from './migrator.js';

/** The service's own tables first; engines that keep tables of their own follow, each in its schema. */
export const MIGRATIONS: MigrationSet[] = [
  { schema: 'public', directory: new URL('../../migrations/', import.meta.url) },
  { schema: 'signalbox_local', directory: new URL('../../adapters/local/migrations/', import.meta.url) },
];
