import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { OPERATION, producesOf, type OperationOptions } from '../openapi/operation.js';
import { Problem, type ProblemItem } from '../problem.js';
import { accepts } from './accepts.js';
import { exchangeOf } from './exchange.js';
import { takesBody, takesQuery } from './handler-arguments.js';
import { projectOf } from './project.js';

/** What holds for every operation, before its arguments are read: Accept, project, no parameters and fields nobody reads. */
@Injectable()
export class RequestGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const exchange = exchangeOf(request);
    const operation = this.reflector.get<OperationOptions | undefined>(OPERATION, context.getHandler());
    if (!operation || !exchange) return true;
    exchange.operation = operation.id;

    const produces = producesOf(operation);
    if (!accepts(request.headers.accept, produces)) {
      throw new Problem('not-acceptable', { detail: `This can be answered as ${produces.join(' or ')}.` });
    }
    if (!operation.projectless) Object.assign(exchange, projectOf(request, operation.allProjects === true));

    const errors = [...unreadable(request), ...unread(request, context)];
    if (errors.length > 0) {
      const detail = errors.map((item) => item.message).join(' ');
      throw new Problem('validation-failed', { detail, errors });
    }
    return true;
  }
}

/** PostgreSQL keeps no NUL: it would come back as an error of ours. */
function unreadable(request: FastifyRequest): ProblemItem[] {
  const values = { ...(request.params as object), ...(request.query as object) };
  return Object.entries(values)
    .filter(([, value]) => [value].flat().some((text) => typeof text === 'string' && text.includes('\0')))
    .map(([parameter]) => ({ parameter, code: 'unsupported-character', message: `${parameter} contains NUL.` }));
}

function unread(request: FastifyRequest, context: ExecutionContext): ProblemItem[] {
  const query = Object.keys(request.query as object);
  const fields = isRecord(request.body) ? Object.keys(request.body) : [];
  const unreadQuery = query.length === 0 || takesQuery(context) ? [] : query;
  const unreadFields = fields.length === 0 || takesBody(context) ? [] : fields;
  return [
    ...unreadQuery.map((parameter) => ({
      parameter,
      code: 'unknown-parameter',
      message: `There is no parameter ${parameter}: this operation takes none.`,
    })),
    ...unreadFields.map((field) => ({
      pointer: `/${field}`,
      code: 'unknown-field',
      message: `There is no field ${field}: this operation takes no body.`,
    })),
  ];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object';
}
