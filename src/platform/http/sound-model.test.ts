import { describe, expect, test } from '@jest/globals';
import { plainToInstance, Type } from 'class-transformer';
import {
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
  validate,
} from 'class-validator';
import fc from 'fast-check';
import { isSound } from './sound-model.js';

class Part {
  @IsString()
  @MaxLength(3)
  name!: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  count?: number;
}

class Whole {
  @IsDefined()
  @ValidateNested()
  @Type(() => Part)
  first!: Part;

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Part)
  rest?: Part[];

  @IsOptional()
  @IsObject()
  free?: object;

  @IsOptional()
  @IsIn(['a', 'b'], { each: true })
  letters?: string[];

  @ValidateIf((whole: Whole) => whole.letters !== undefined)
  @Matches(/^x+$/)
  marks?: string;
}

class Inherited extends Whole {
  @IsInt()
  more!: number;
}

class Unknown {
  member?: string;
}

class Late {
  @ValidateBy({ name: 'late', validator: { validate: () => Promise.resolve(true) } })
  value?: string;
}

class Sometimes {
  @IsInt({ validateIf: () => false })
  value?: number;
}

describe('a DTO is taken for sound', () => {
  const first = { name: 'abc' };
  test.each<[string, new () => object, object, boolean]>([
    ['with what it needs', Whole, { first }, true],
    ['with all it may have', Whole, { first, rest: [first, { name: '', count: 2 }], free: { x: [1] } }, true],
    ['with an empty list', Whole, { first, rest: [] }, true],
    ['with values that are each allowed', Whole, { first, letters: ['a', 'b'], marks: 'xx' }, true],
    ['whatever a field holds that is not looked at', Whole, { first, marks: 7 }, true],
    ['with the fields of its parent', Inherited, { first, more: 1 }, true],
    ['not without a field', Whole, {}, false],
    ['not with a wrong one', Whole, { first: { name: 'abcd' } }, false],
    ['not with a wrong one in a list', Whole, { first, rest: [first, { name: 'abc', count: 0 }] }, false],
    ['not with a list in a list', Whole, { first, rest: [[first]] }, false],
    ['not with null for an object', Whole, { first: null }, false],
    ['not with a text for an object', Whole, { first: 'abc' }, false],
    ['not with a value that is not allowed', Whole, { first, letters: ['a', 'c'], marks: 'x' }, false],
    ['not with a field that is looked at because of another', Whole, { first, letters: ['a'], marks: 'y' }, false],
    ['not with a wrong field of its parent', Inherited, { first: {}, more: 1 }, false],
    ['not with an unknown field', Whole, { first, second: first }, false],
    ['not with an unknown field inside', Whole, { first: { ...first, x: 1 } }, false],
    ['whatever is said of its prototype', Whole, JSON.parse('{"first":{"name":"abc","__proto__":{}}}') as object, true],
    ['not of a class without rules', Unknown, {}, false],
    ['not where the answer comes later', Late, { value: 'x' }, false],
    ['not where a rule has a condition of its own', Sometimes, { value: 1 }, false],
  ])('%s', (_, model, value, sound) => {
    expect(isSound(plainToInstance(model, value))).toBe(sound);
  });

  test('not with a field that hides its class', () => {
    const instance = Object.assign(plainToInstance(Whole, { first }), { constructor: Part });
    expect(isSound(instance)).toBe(false);
  });

  test('only when class-validator finds nothing', async () => {
    const mostly = <T>(right: T, ...wrong: unknown[]): fc.Arbitrary<unknown> =>
      fc.oneof({ weight: 9, arbitrary: fc.constant<unknown>(right) }, fc.constantFrom(...wrong));
    const part = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record(
          { name: mostly('abc', 'abcd', 7, null, undefined), count: mostly(1, 0, 1.5, '1') },
          { requiredKeys: ['name'] },
        ),
      },
      fc.constantFrom(null, undefined, 'text', 1, [], {}),
    );
    const whole = fc.record(
      {
        first: part,
        rest: fc.oneof({ weight: 9, arbitrary: fc.array(part, { maxLength: 3 }) }, fc.constantFrom(null, 'text', {})),
        free: mostly({ x: 1 }, null, 'text'),
        letters: mostly(['a', 'b'], ['c'], 'a', 'c', null),
        marks: mostly('xx', 'xy', 1, null),
        other: fc.constant(1),
      },
      { requiredKeys: ['first'] },
    );
    let right = 0;
    await fc.assert(
      fc.asyncProperty(whole, async (value) => {
        const instance = plainToInstance(Whole, value);
        const errors = await validate(instance, { whitelist: true, forbidNonWhitelisted: true });
        if (!isSound(instance)) return;
        expect(errors).toEqual([]);
        right += 1;
      }),
      { numRuns: 3000 },
    );
    expect(right).toBeGreaterThan(50);
  });
});
