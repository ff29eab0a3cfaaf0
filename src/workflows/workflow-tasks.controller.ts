import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { toDot, toMermaid } from '../../definition/graph-text.js';
import { listBody } from '../lists/list-body.js';
import { Answer } from '../platform/answer.js';
import { assertNever } from '../platform/assert-never.js';
import { Database } from '../platform/database.js';
import { IdPipe } from '../platform/http/id-pipe.js';
import { Project } from '../platform/http/project.js';
import { Operation } from '../platform/openapi/operation.js';
import { Problem } from '../platform/problem.js';
import { findTasks } from './find-workflow.js';
import type { TaskRow } from './task-graph-store.js';
import { TASK_LINKS } from './workflow-links.js';
import { GraphQuery } from './workflow-requests.dto.js';
import { Task, TaskGraphDto, TaskList } from './workflow.dto.js';

const MERMAID = 'text/vnd.mermaid';
const DOT = 'text/vnd.graphviz';

@ApiTags('Tasks')
@Controller('workflows/:title/:version')
export class WorkflowTasksController {
  constructor(private readonly database: Database) {}

  @Get('tasks')
  @Operation({
    id: 'listTasks',
    summary: 'All tasks of a version, with their edges',
    problems: ['workflow-not-found', 'registration-pending', 'workflow-not-ready'],
    answers: [{ status: 200, description: 'Every task.', type: TaskList, links: TASK_LINKS }],
    example: { path: { title: 'example', version: 1 } },
  })
  async tasks(
    @Project() project: string,
    @Param('title') title: string,
    @Param('version', IdPipe) version: number,
  ): Promise<Answer> {
    const tasks = await findTasks(this.database, project, title, version);
    return new Answer(200, undefined, listBody(tasks.map((task) => task.json)), false);
  }

  @Get('tasks/:task_title')
  @Operation({
    id: 'getTask',
    summary: 'One task of a version',
    problems: ['workflow-not-found', 'task-not-found', 'registration-pending', 'workflow-not-ready'],
    answers: [{ status: 200, description: 'The task.', type: Task }],
    example: { path: { title: 'example', version: 1, task_title: 'greet' } },
  })
  async task(
    @Project() project: string,
    @Param('title') title: string,
    @Param('version', IdPipe) version: number,
    @Param('task_title') taskTitle: string,
  ): Promise<Answer> {
    const tasks = await findTasks(this.database, project, title, version);
    const task = tasks.find((one) => one.title === taskTitle);
    if (task) return new Answer(200, undefined, task.json, false);
    throw new Problem('task-not-found', { detail: `The workflow ${title} has no task ${taskTitle}.` });
  }

  @Get('graph')
  @Operation({
    id: 'getTaskGraph',
    summary: 'The task graph as JSON, Mermaid or Graphviz text',
    problems: ['workflow-not-found', 'registration-pending', 'workflow-not-ready'],
    answers: [
      {
        status: 200,
        description: 'The whole graph.',
        type: TaskGraphDto,
        mediaTypes: ['application/json', MERMAID, DOT, 'text/plain'],
      },
    ],
    example: { path: { title: 'example', version: 1 }, query: { format: 'mermaid' } },
  })
  async graph(
    @Project() project: string,
    @Param('title') title: string,
    @Param('version', IdPipe) version: number,
    @Query() query: GraphQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | string> {
    const tasks = await findTasks(this.database, project, title, version);
    switch (query.format) {
      case 'json':
        return new Answer(200, undefined, graphJson(tasks), false);
      case 'mermaid':
        reply.header('content-type', `${MERMAID}; charset=utf-8`);
        return toMermaid(toGraph(tasks));
      case 'dot':
        reply.header('content-type', `${DOT}; charset=utf-8`);
        return toDot(toGraph(tasks));
      default:
        return assertNever('graph format', query.format);
    }
  }
}

function toGraph(tasks: TaskRow[]): Parameters<typeof toMermaid>[0] {
  return {
    tasks: tasks.map(({ title, displayName, downstream }) => ({
      title,
      ...(displayName === null ? {} : { displayName }),
      downstream,
    })),
  };
}

function graphJson(tasks: TaskRow[]): string {
  const ids = new Map(tasks.map((task) => [task.title, task.id]));
  const edges = tasks.flatMap((task) =>
    task.downstream.map((to) => ({ upstream_task_id: task.id, downstream_task_id: ids.get(to) })),
  );
  return `{"tasks":[${tasks.map((task) => task.json).join(',')}],"edges":${JSON.stringify(edges)}}`;
}
