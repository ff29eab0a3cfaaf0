import { inspect } from 'node:util';

/** A value that prints as `***` wherever it is logged, serialised or put into a text. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The one way to the value: named so that a reader sees where a secret leaves its cover. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}
