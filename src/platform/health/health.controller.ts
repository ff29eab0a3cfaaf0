import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Metrics } from '../metrics.js';
import { Readiness } from './readiness.js';

/** What operators ask: alive, ready, how busy. A sick engine is not our health: `GET /v1/engines` says it. */
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly metrics: Metrics,
  ) {}

  @Get('livez')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<{ status: string; reason?: string }> {
    const reason = await this.readiness.obstacle();
    if (reason === undefined) return { status: 'ok' };
    reply.status(503);
    return { status: 'not-ready', reason };
  }

  @Get('metrics')
  async expose(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    reply.header('content-type', this.metrics.registry.contentType);
    return this.metrics.expose();
  }
}
