import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AppModule, type AppParts } from './app.module.js';
import { buildDocument } from './platform/openapi/document.js';
import { API_PREFIX, OUTSIDE_THE_API } from './platform/http/url-prefix.js';

/** The resources, in the order of the API page. */
const TAGS = {
  Workflows: 'What can be run: versions of titles, immutable once stored.',
  Tasks: 'The parts of a version and their order.',
  'Workflow runs': 'One execution of a version on its engine: its state, its history, and requests to change it.',
  'Task runs': 'One task within a run: its attempts and logs.',
  Labels: 'Keys and values that workflows and runs are found by.',
  Engines: 'What executes: health and capabilities.',
  Administration: 'What contradicts the record.',
  Service: 'Where everything is.',
};

/** The document of the whole API, from the compiled code: nothing is instantiated, connected or started. */
export async function makeDocument(version: string): Promise<OpenAPIObject> {
  const nothing = new Proxy({}, { get: () => ({}) }) as AppParts;
  const nest = await NestFactory.create(AppModule.of(nothing, { api: true }), new FastifyAdapter(), {
    preview: true,
    logger: false,
  });
  nest.setGlobalPrefix(API_PREFIX, { exclude: [...OUTSIDE_THE_API] });
  return buildDocument(nest, version, TAGS);
}
