/** How DTOs of queries read text: a number, a truth value, a list. What cannot be read stays text, for the validator to refuse. */
import { Transform } from 'class-transformer';

const REPEATABLE = 'signalbox:repeatable';

/** Decimal digits become a number; put `@IsInt() @Min() @Max()` beside it. */
export function ToInteger(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** `true` and `false` become truth values; put `@IsBoolean()` beside it. */
export function ToBoolean(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));
}

/** The parameter may be given several times and is a list; put `{ each: true }` into its validators. */
export function Repeatable(): PropertyDecorator {
  return (target, property) => {
    const fields = new Set(repeatableFields(target.constructor));
    Reflect.defineMetadata(REPEATABLE, fields.add(String(property)), target.constructor);
  };
}

/** Names of the fields of a DTO class that are declared `@Repeatable()`. */
export function repeatableFields(model: object): ReadonlySet<string> {
  return (Reflect.getMetadata(REPEATABLE, model) as ReadonlySet<string> | undefined) ?? new Set();
}
