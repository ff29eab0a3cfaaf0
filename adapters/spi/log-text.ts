/** Characters that are kept as text at most. */
const PIECE = 65_536;

/**
 * The text of a log page while it comes together. It is kept as bytes, outside of the heap: a page of strings outlives the
 * collections of what is new, and reading a long log would leave many of them to a collection of what is old.
 */
export class LogText {
  readonly #pieces: Buffer[] = [];
  #pending: string[] = [];
  #pendingLength = 0;
  #size = 0;

  constructor(private readonly limitBytes: number) {}

  /** False when there is no room for a part; it is not taken then. */
  add(part: string): boolean {
    const bytes = Buffer.byteLength(part);
    if (this.#size + bytes > this.limitBytes) return false;
    this.#size += bytes;
    this.#pending.push(part);
    this.#pendingLength += part.length;
    if (this.#pendingLength >= PIECE) this.#store();
    return true;
  }

  /** Once. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    this.#store();
    for (let piece = this.#pieces.shift(); piece; piece = this.#pieces.shift()) yield piece;
  }

  #store(): void {
    if (this.#pendingLength > 0) this.#pieces.push(Buffer.from(this.#pending.join('')));
    [this.#pending, this.#pendingLength] = [[], 0];
  }
}
