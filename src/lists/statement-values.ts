/** The values of a statement whose text depends on the request: every value goes in as a placeholder. */
export class StatementValues {
  readonly list: unknown[] = [];

  /** Its placeholder. */
  add(value: unknown): string {
    this.list.push(value);
    return `$${this.list.length}`;
  }
}
