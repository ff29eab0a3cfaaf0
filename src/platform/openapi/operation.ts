import { applyDecorators, SetMetadata, type Type } from '@nestjs/common';
import {
  ApiExtension,
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from '../problem-catalogue.js';
import { ProblemDocument } from './problem-document.dto.js';

/** By name: the operation an answer leads to, its parameters as runtime expressions over request and answer. */
export type OperationLinks = Readonly<
  Record<string, { operationId: string; parameters: Readonly<Record<string, string>> }>
>;

/** A success of an operation. */
export interface OperationAnswer {
  status: number;
  description: string;
  /** Another class the JSON body may be of. */
  orType?: Type;
  /** Class of the JSON body; `[Class]` for an array. Absent = no body, or one of `mediaTypes` that is no JSON. */
  type?: Type | [Type];
  /** Default: application/json where there is a `type`. */
  mediaTypes?: readonly string[];
  /** Response headers by name, each with its meaning. */
  headers?: Readonly<Record<string, string>>;
  links?: OperationLinks;
}

/** A request that works against the data that the OpenAPI test prepares; a test executes it. */
export interface OperationExample {
  path?: Readonly<Record<string, string | number>>;
  query?: Readonly<Record<string, string | number | boolean>>;
  body?: unknown;
}

export interface OperationOptions {
  /** operationId: camelCase verb and noun, never changed once released. Also the name in metrics. */
  id: string;
  summary: string;
  description?: string;
  /** Those of this operation alone: what every operation can answer is added. */
  problems: readonly ProblemCode[];
  answers: readonly OperationAnswer[];
  example?: OperationExample;
  /** Takes `Idempotency-Key`: set on what is written with `idempotent()`. */
  idempotent?: boolean;
  /** Takes a JSON body. */
  body?: boolean;
  /** `X-Project: *` reads over all projects. */
  allProjects?: boolean;
  /** Belongs to no project (health, engines): takes no X-Project. */
  projectless?: boolean;
}

export const OPERATION = 'signalbox:operation';

const ALWAYS: readonly ProblemCode[] = [
  'malformed-request',
  'not-acceptable',
  'request-timeout',
  'validation-failed',
  'internal-error',
  'database-unavailable',
  'overloaded',
  'shutting-down',
];
const WITH_BODY: readonly ProblemCode[] = ['malformed-body', 'body-too-large', 'unsupported-media-type'];
const WITH_KEY: readonly ProblemCode[] = ['idempotency-in-progress', 'idempotency-key-reused', 'outcome-unknown'];

/**
 * Describes a route: its name, answers, problems, headers and an example, for OpenAPI and for the request guard.
 * Every route has one.
 */
export function Operation(options: OperationOptions): MethodDecorator {
  return applyDecorators(
    SetMetadata(OPERATION, options),
    ApiExtraModels(ProblemDocument),
    ApiOperation({
      operationId: options.id,
      summary: options.summary,
      ...(options.description === undefined ? {} : { description: options.description }),
    }),
    ApiExtension('x-statuses', statusesOf(options)),
    ...(options.example === undefined ? [] : [ApiExtension('x-example', options.example)]),
    ...(options.projectless ? [] : [projectHeader(options)]),
    ...(producesOf(options).includes('text/event-stream') ? [ApiQuery({ name: 'project', ...PROJECT_PARAMETER })] : []),
    ...(options.idempotent ? [ApiHeader({ name: 'Idempotency-Key', ...IDEMPOTENCY_KEY })] : []),
    ...options.answers.map((answer) => answerResponse(answer, options.idempotent === true)),
    ...problemResponses(problemsOf(options)),
  );
}

/** Every code the operation can answer with. */
export function problemsOf(options: OperationOptions): ProblemCode[] {
  const codes = [...ALWAYS, ...options.problems];
  if (options.body) codes.push(...WITH_BODY);
  if (options.idempotent) codes.push(...WITH_KEY);
  return [...new Set(codes)];
}

/** Media types the operation can answer with when it succeeds. */
export function producesOf(options: OperationOptions): string[] {
  return [...new Set(options.answers.flatMap(mediaTypesOf))];
}

/** Nest adds a status of its own to every route: these are the ones that happen. */
function statusesOf(options: OperationOptions): number[] {
  return [
    ...options.answers.map((answer) => answer.status),
    ...problemsOf(options).map((code) => PROBLEMS[code].status),
  ];
}

const PROJECT_PARAMETER = {
  required: false,
  description: 'The project, for clients that cannot set headers on an event stream.',
  schema: { type: 'string' as const },
};

const IDEMPOTENCY_KEY = {
  required: false,
  description: 'Makes a repeat of this request answer as the first one did: 1 to 255 visible ASCII characters.',
  schema: { type: 'string' as const, minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
};

function projectHeader(options: OperationOptions): MethodDecorator {
  return ApiHeader({
    name: 'X-Project',
    required: false,
    description: `The project the request is for.${options.allProjects ? ' `*` = all of them.' : ''}`,
    schema: {
      type: 'string',
      default: 'default',
      pattern: options.allProjects
        ? '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\\*)$'
        : '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
    },
  });
}

function mediaTypesOf(answer: OperationAnswer): readonly string[] {
  return answer.mediaTypes ?? (answer.type ? ['application/json'] : []);
}

function answerResponse(answer: OperationAnswer, idempotent: boolean): MethodDecorator {
  const model = Array.isArray(answer.type) ? answer.type[0] : answer.type;
  const reference = model && { $ref: getSchemaPath(model) };
  const one = answer.orType && reference ? { oneOf: [reference, { $ref: getSchemaPath(answer.orType) }] } : reference;
  const json = Array.isArray(answer.type) ? { type: 'array' as const, items: reference! } : one;
  const contents = mediaTypesOf(answer).map((mediaType): [string, { schema: object }] => [
    mediaType,
    { schema: mediaType === 'application/json' && json ? json : { type: 'string' as const } },
  ]);
  const headers = {
    ...answer.headers,
    ...(idempotent ? { 'Idempotency-Replayed': '`true` when this is the stored answer of an earlier request.' } : {}),
  };
  return applyDecorators(
    ApiExtraModels(...[model, answer.orType].filter((type) => type !== undefined)),
    ApiResponse({
      status: answer.status,
      description: answer.description,
      ...(contents.length > 0 ? { content: Object.fromEntries(contents) } : {}),
      ...(answer.links ? { links: answer.links } : {}),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, description]) => [
          name,
          { description, schema: { type: 'string' as const } },
        ]),
      ),
    }),
  );
}

function problemResponses(codes: readonly ProblemCode[]): MethodDecorator[] {
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))].sort();
  return statuses.map((status) => {
    const group = codes.filter((code) => PROBLEMS[code].status === status).sort();
    const schema = {
      allOf: [{ $ref: getSchemaPath(ProblemDocument) }],
      properties: { code: { type: 'string' as const, enum: group } },
    };
    return ApiResponse({
      status,
      description: [...group]
        .sort()
        .map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`)
        .join(' '),
      content: { 'application/problem+json': { schema } },
    });
  });
}
