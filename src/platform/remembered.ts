/** Texts longer than this are not worth their room. */
const LONGEST = 1_000;

/** Values that could be worked out again, by the text that says from what. Once full it begins anew. */
export class Remembered<Value> {
  private readonly values = new Map<string, Value>();

  /** `most` = values at a time. */
  constructor(private readonly most: number) {}

  get(text: string): Value | undefined {
    return this.values.get(text);
  }

  keep(text: string, value: Value): Value {
    if (text.length > LONGEST) return value;
    if (this.values.size >= this.most) this.values.clear();
    this.values.set(text, value);
    return value;
  }
}
