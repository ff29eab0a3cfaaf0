import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

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

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/;

/** RFC 3339, of a day that exists: what PostgreSQL takes without asking back. */
export function isTimestamp(value: unknown): boolean {
  const match = typeof value === 'string' ? TIMESTAMP.exec(value) : null;
  if (match === null || Number.isNaN(Date.parse(match[0]))) return false;
  const [, year, month, day] = match.map(Number);
  const lastDay = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  return year !== 0 && (day ?? 0) <= lastDay;
}

export function IsTimestamp(): PropertyDecorator {
  return ValidateBy({
    name: 'isTimestamp',
    validator: {
      validate: isTimestamp,
      defaultMessage: (given) => `${given?.property} must be a time such as 2026-01-31T12:00:00Z`,
    },
  });
}
