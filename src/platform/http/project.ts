import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { parameterProblem, type Problem } from '../problem.js';
import { exchangeOf } from './exchange.js';

/** A DNS label. */
export const PROJECT_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export const DEFAULT_PROJECT = 'default';
/** Over all projects: only on operations with `allProjects`. */
export const ALL_PROJECTS = '*';

/** The project of the request, as the guard read it: `list(@Project() project: string)`. */
export const Project = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const project = exchangeOf(context.switchToHttp().getRequest<FastifyRequest>())?.project;
  if (project === undefined) throw new Error('the operation is projectless, or has no @Operation');
  return project;
});

export interface NamedProject {
  project: string;
  projectInQuery: boolean;
}

/**
 * Reads X-Project, or on GET `?project=` for clients that cannot set headers (event streams in browsers), and takes the
 * parameter out of the query. Throws `validation-failed`.
 */
export function projectOf(request: FastifyRequest, allAllowed: boolean): NamedProject {
  const header = request.headers['x-project'];
  const parameter = takeParameter(request);
  if (Array.isArray(header)) throw refused('X-Project', 'repeated', 'is given twice');
  if (Array.isArray(parameter)) throw refused('project', 'repeated', 'is given twice');
  if (header !== undefined && parameter !== undefined && header !== parameter) {
    throw refused('project', 'contradiction', 'differs from the header X-Project');
  }
  const name = header === undefined ? 'project' : 'X-Project';
  const project = header ?? parameter ?? DEFAULT_PROJECT;
  const named = { project, projectInQuery: parameter !== undefined };
  if (project === ALL_PROJECTS) {
    if (!allAllowed) throw refused(name, 'not-allowed-here', 'may be `*` only where lists are read');
    return named;
  }
  if (!PROJECT_NAME.test(project)) {
    throw refused(name, 'invalid-name', 'must be 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends');
  }
  return named;
}

function takeParameter(request: FastifyRequest): string | string[] | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  const query = request.query as Record<string, string | string[] | undefined>;
  const value = query['project'];
  delete query['project'];
  return value;
}

function refused(parameter: string, code: string, what: string): Problem {
  return parameterProblem(parameter, code, `${parameter} ${what}.`);
}
