import { ApiProperty } from '@nestjs/swagger';

/** A member that is a whole number: TypeScript has no type that says so. */
export function Integer(): PropertyDecorator {
  return ApiProperty({ type: 'integer' });
}

/** The same, where it may be missing. */
export function OptionalInteger(): PropertyDecorator {
  return ApiProperty({ type: 'integer', required: false });
}
