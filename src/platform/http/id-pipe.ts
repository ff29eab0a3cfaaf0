import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { parameterProblem } from '../problem.js';

/** Path parameter that is an integer id: `@Param('id', IdPipe) id: number`. What is no integer is refused as such. */
@Injectable()
export class IdPipe implements PipeTransform<string, number> {
  transform(value: string, argument: ArgumentMetadata): number {
    if (/^\d{1,100}$/.test(value)) {
      // Ids beyond 2^53 do not exist; the largest number that is exact does not either.
      return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
    }
    const parameter = argument.data ?? 'id';
    throw parameterProblem(parameter, 'wrong-type', `${parameter} must be an integer.`);
  }
}
