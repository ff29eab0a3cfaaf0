/** The HTTP platform with one controller of the tests' own: every kind of operation, and nothing behind it. */
import { afterAll, beforeAll } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { IdPipe } from '../../src/platform/http/id-pipe.js';
import { Project } from '../../src/platform/http/project.js';
import { Operation } from '../../src/platform/openapi/operation.js';
import { Problem } from '../../src/platform/problem.js';
import { Traceparent } from '../../src/platform/http/traceparent.js';
import { parseTraceparent } from '../../src/platform/trace.js';
import type { Database } from '../../src/platform/database.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { rawRequest, startProbeApp, type ProbeApp, type RawAnswer } from './probe-app.js';

class Inner {
  @IsString()
  @MaxLength(5)
  name!: string;
}

class Thing {
  @IsString()
  title!: string;

  @IsOptional()
  @IsIn(['red', 'green'])
  colour?: string;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Inner)
  inner?: Inner[];

  @IsOptional()
  @IsObject()
  free?: Record<string, unknown>;
}

class ThingQuery {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(10)
  limit?: number;

  @IsOptional()
  @IsIn(['A', 'B'], { each: true })
  state?: string[];
}

const JSON_ANSWER = [{ status: 200, description: 'It.', type: Thing }];

@Controller('things')
class ThingsController {
  @Get()
  @Operation({ id: 'listThings', summary: 'l', problems: [], answers: JSON_ANSWER, allProjects: true })
  list(@Project() project: string, @Query() query: ThingQuery): unknown {
    return { project, query };
  }

  @Get('trace')
  @Operation({ id: 'trace', summary: 't', problems: [], answers: JSON_ANSWER })
  trace(@Traceparent() traceparent: string | undefined): unknown {
    return parseTraceparent(traceparent);
  }

  @Get('secretive')
  @Operation({ id: 'secretive', summary: 's', problems: [], answers: JSON_ANSWER })
  fail(): never {
    throw new Error('SELECT secret FROM /etc/passwd postgresql://u:p@h/d');
  }

  @Get('busy')
  @Operation({ id: 'busy', summary: 's', problems: ['too-many-requests'], answers: JSON_ANSWER })
  busy(): never {
    throw new Problem('too-many-requests', {
      detail: 'Later.',
      retryAfterSeconds: 7,
      extensions: { allowed_actions: [] },
    });
  }

  @Get(':id')
  @Operation({ id: 'getThing', summary: 'g', problems: [], answers: JSON_ANSWER })
  get(@Param('id', IdPipe) id: number): unknown {
    return { id };
  }

  @Post()
  @HttpCode(200)
  @Operation({ id: 'createThing', summary: 'c', problems: [], answers: JSON_ANSWER, body: true })
  create(@Project() project: string, @Body() body: Thing): unknown {
    return { project, body };
  }
}

export const JSON_HEADERS = { 'content-type': 'application/json' };

export interface Things {
  app: ProbeApp;
  database: Database;
  post(body: Buffer | string, headers?: Record<string, string>): Promise<RawAnswer>;
}

export function startThings(database: Database, env: Record<string, string> = {}): Promise<ProbeApp> {
  return startProbeApp(database, [ThingsController], env);
}

/** One app for the tests of a file, from the first to the last. */
export function thingsOfThisFile(): Things {
  let database: TestDatabase | undefined;
  let app: ProbeApp | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startThings(database.database, { REQUEST_TIMEOUT: '400ms' });
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });
  const there = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new Error('it is there while a test runs');
    return thing;
  };
  return {
    get app() {
      return there(app);
    },
    get database() {
      return there(database).database;
    },
    post: (body, headers = JSON_HEADERS) =>
      rawRequest(`${there(app).url}/v1/things`, { method: 'POST', headers, body }),
  };
}
