import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Json } from '../../../definition/definition-types.js';
import { parameterProblem } from '../problem.js';
import { exchangeOf } from './exchange.js';
import { traceparentOf } from './traceparent.js';

/** What `idempotent()` has to know of a request that writes. */
export interface WriteRequest {
  project: string;
  /** The client's Idempotency-Key. */
  key?: string;
  /** operationId. */
  operation: string;
  pathParams: Readonly<Record<string, string>>;
  /** For what is done because of this request. */
  traceparent?: string | undefined;
  /** As it was sent, before defaults are filled in. */
  body?: Json;
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The identity of a writing request, for `idempotent()`. A key that is not 1 to 255 visible ASCII characters is refused.
 *
 *     @Post()
 *     @Operation({ id: 'createWorkflowRun', idempotent: true, body: true, ... })
 *     async create(@Write() write: WriteRequest, @Body() body: CreateWorkflowRun): Promise<Answer> {
 *       const answer = await idempotent(this.database, write, async (db) => {
 *         const row = await insertRun(db, write.project, body);
 *         return { status: 201, location: `/v1/workflow-runs/${row.id}`, json: toWorkflowRun(row) };
 *       });
 *       if (!answer.replayed) this.wakeUps.wake(engine);
 *       return answer;
 *     }
 *
 * An `Answer` that a handler returns is sent by the platform as it is: status, Location, `Idempotency-Replayed` and the
 * stored bytes of the body.
 */
export const Write = createParamDecorator((_: unknown, context: ExecutionContext): WriteRequest => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const exchange = exchangeOf(request);
  if (exchange?.project === undefined || exchange.operation === undefined) {
    throw new Error('@Write needs an @Operation that belongs to a project');
  }
  const key = request.headers['idempotency-key'];
  if (key !== undefined && (Array.isArray(key) || !KEY.test(key))) {
    const message = 'Idempotency-Key must be 1 to 255 visible ASCII characters.';
    throw parameterProblem('Idempotency-Key', 'invalid-key', message);
  }
  return {
    project: exchange.project,
    ...(key === undefined ? {} : { key }),
    operation: exchange.operation,
    pathParams: request.params as Record<string, string>,
    traceparent: traceparentOf(request),
    ...(request.body === undefined ? {} : { body: request.body as Json }),
  };
});
