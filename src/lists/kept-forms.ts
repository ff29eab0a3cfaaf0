/** How often a form is asked for before it is kept: a look or two leave no plan on any connection. */
const ASKED = 3;

/** Forms whose requests are counted at a time. */
const COUNTED = 200;

/**
 * Names for statements whose form is up to the request: those that come again and again are kept prepared. Each connection
 * holds the plans of all of them until it ends, so once there are `most` no more are added.
 */
export class KeptForms {
  private readonly names = new Map<string, string>();
  private readonly asked = new Map<string, number>();

  constructor(
    private readonly prefix: string,
    private readonly most: number,
  ) {}

  /** Of a statement; undefined = it is planned each time. */
  nameOf(text: string): string | undefined {
    const known = this.names.get(text);
    if (known !== undefined || this.names.size >= this.most) return known;
    const asked = (this.asked.get(text) ?? 0) + 1;
    // Taken out and put at the end: the first is the one that has not come for the longest time.
    this.asked.delete(text);
    if (asked < ASKED) {
      this.asked.set(text, asked);
      const [oldest] = this.asked.keys();
      if (this.asked.size > COUNTED && oldest !== undefined) this.asked.delete(oldest);
      return undefined;
    }
    const name = `${this.prefix}${this.names.size + 1}`;
    this.names.set(text, name);
    if (this.names.size === this.most) this.asked.clear();
    return name;
  }
}
