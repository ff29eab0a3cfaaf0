import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import { Answer } from '../answer.js';

/** Sends the `Answer` of a write as it is stored. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      map((result: unknown) => {
        if (!(result instanceof Answer)) return result;
        const reply = context.switchToHttp().getResponse<FastifyReply>();
        reply.status(result.status);
        if (result.location !== undefined) reply.header('location', result.location);
        if (result.replayed) reply.header('idempotency-replayed', 'true');
        if (result.text === '') return undefined;
        reply.header('content-type', 'application/json; charset=utf-8');
        return result.text;
      }),
    );
  }
}
