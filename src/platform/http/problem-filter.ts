import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Log } from '../log.js';
import { Problem } from '../problem.js';
import { exchangeOf } from './exchange.js';
import { RouteTable } from './route-table.js';
import { sendProblem } from './send-problem.js';
import { toProblem } from './to-problem.js';

/** The one place where an error becomes an answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly routes: RouteTable,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = toProblem(error);
    if (problem.status >= 500) {
      const exchange = exchangeOf(request);
      const fields = { code: problem.code, operation: exchange?.operation, trace_id: exchange?.trace.traceId, error };
      if (problem.code === 'internal-error') this.log.error(fields, 'request failed');
      else this.log.warn(fields, 'request refused');
    }
    if (reply.sent || reply.raw.headersSent) {
      // A stream has begun: all that is left is to end it visibly.
      reply.raw.destroy();
      return;
    }
    if (problem.code === 'not-found') {
      const allowed = this.routes.methodsOf(request.url);
      const refused = request.method === 'OPTIONS' || !allowed.includes(request.method);
      if (allowed.length > 0 && refused) {
        this.refuseMethod(request, reply, allowed.join(', '));
        return;
      }
    }
    sendProblem(request, reply, problem);
  }

  private refuseMethod(request: FastifyRequest, reply: FastifyReply, allow: string): void {
    if (request.method === 'OPTIONS') {
      void reply.status(204).header('allow', allow).send();
      return;
    }
    const detail = `${request.method} is not possible here: ${allow}.`;
    sendProblem(request, reply, new Problem('method-not-allowed', { detail }), { allow });
  }
}
