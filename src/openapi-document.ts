import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AppModule, type AppParts } from './app.module.js';
import { buildDocument } from './platform/openapi/document.js';
import { API_PREFIX, OUTSIDE_THE_API } from './platform/http/url-prefix.js';

/** The document of the whole API, from the compiled code: nothing is instantiated, connected or started. */
export async function makeDocument(version: string): Promise<OpenAPIObject> {
  const nothing = new Proxy({}, { get: () => ({}) }) as AppParts;
  const nest = await NestFactory.create(AppModule.of(nothing, { api: true }), new FastifyAdapter(), {
    preview: true,
    logger: false,
  });
  nest.setGlobalPrefix(API_PREFIX, { exclude: [...OUTSIDE_THE_API] });
  return buildDocument(nest, version);
}
