/** How often a form is asked for before it is kept: who looks once leaves no plan on every connection. */
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
    // The longest unasked goes first.
    this.asked.delete(text);
    if (asked < ASKED) {
      this.asked.set(text, asked);
      for (const [oldest] of this.asked) if (this.asked.size > COUNTED) this.asked.delete(oldest);
      return undefined;
    }
    const name = `${this.prefix}${this.names.size + 1}`;
    this.names.set(text, name);
    return name;
  }
}
