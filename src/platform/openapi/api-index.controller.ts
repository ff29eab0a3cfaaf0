import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Operation } from './operation.js';
import { ApiIndex } from './api-index.dto.js';
import { apiVersion } from './api-page.js';

/** What answers at `/` (and `/v1`): people want the page, programs the paths. */
@ApiTags('Service')
@Controller()
export class ApiIndexController {
  #version: string | undefined;

  @Get()
  @Operation({
    id: 'getApiIndex',
    summary: 'Where everything is',
    description: 'Answers at `/`, too. Browsers are sent to the API page.',
    problems: [],
    answers: [
      { status: 200, description: 'Paths of this service.', type: ApiIndex },
      { status: 302, description: 'For a client that takes HTML.', headers: { Location: 'The API page.' } },
    ],
    projectless: true,
    example: {},
  })
  index(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): ApiIndex | undefined {
    reply.header('vary', 'accept');
    if (accept?.includes('text/html')) {
      void reply.status(302).header('location', '/docs');
      return undefined;
    }
    this.#version ??= apiVersion();
    return {
      name: 'signalbox',
      version: this.#version,
      api: '/v1',
      openapi: '/openapi.json',
      docs: '/docs',
      ready: '/readyz',
    };
  }
}
