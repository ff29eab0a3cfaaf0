import { configurationTable } from '../../src/configuration-table.js';
import { lifecycleSections } from '../../src/lifecycle/lifecycle-page.js';
import { problemTable } from '../../src/platform/problem-table.js';

export interface GeneratedSection {
  file: string;
  /** It stands between `<!-- name -->` and `<!-- /name -->`. */
  name: string;
  text: string;
}

/** What the documents repeat from the code: written by scripts/write-docs.js, compared by a test. */
export function generatedSections(): GeneratedSection[] {
  return [
    { file: 'README.md', name: 'configuration', text: configurationTable() },
    { file: 'docs/problems.md', name: 'problems', text: problemTable() },
    ...Object.entries(lifecycleSections()).map(([name, text]) => ({ file: 'docs/lifecycle.md', name, text })),
  ];
}
