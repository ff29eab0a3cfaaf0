import { Transform } from 'class-transformer';

/** Texts of a query string as values. What is not of the form stays as it is, so that the validator after it names it. */

/** Digits only: `1e3`, ` 5` and an empty text are no numbers here. */
export function QueryInteger(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** `true` or `false`. */
export function QueryBoolean(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));
}

/** A parameter that may stand several times. */
export function QueryList(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? [value] : value));
}
