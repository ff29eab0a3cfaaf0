import { ApiProperty } from '@nestjs/swagger';
import { PROBLEM_CODES, type ProblemCode } from '../problem-catalogue.js';

/** One thing wrong in a request. */
export class ProblemItemDocument {
  /** JSON pointer into the body. */
  pointer?: string;
  /** Name of a query, path or header parameter. */
  parameter?: string;
  /**
   * Line of a definition's text, from 1.
   * @minimum 1
   */
  line?: number;
  /** What is wrong, for machines. */
  code!: string;
  /** What is wrong and what would be right, for people. */
  message!: string;
}

/** An error, as RFC 9457 writes it. */
export class ProblemDocument {
  /** `/problems/` and the code. */
  type!: string;
  title!: string;
  @ApiProperty({ type: 'integer' })
  status!: number;
  /** What happened in this case. */
  detail!: string;
  /** Path of the request. */
  instance!: string;
  @ApiProperty({ enum: PROBLEM_CODES, description: 'From the catalogue in docs/problems.md.' })
  code!: ProblemCode;
  /** W3C trace id: the same in the service's log. */
  trace_id?: string;
  errors?: ProblemItemDocument[];
}
