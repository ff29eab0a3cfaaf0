import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { OperationExample } from './operation.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & {
  'x-example'?: OperationExample;
  'x-statuses'?: number[];
};
type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';

const METHODS: readonly Method[] = ['get', 'put', 'post', 'delete', 'patch'];

/**
 * The OpenAPI 3.1 document of an application, deterministic: paths sorted, examples in their standard places. `tags` are the
 * resources that operations are grouped by, each with its meaning.
 */
export function buildDocument(
  nest: INestApplication,
  version: string,
  tags: Readonly<Record<string, string>>,
): OpenAPIObject {
  const builder = new DocumentBuilder();
  for (const [name, meaning] of Object.entries(tags)) builder.addTag(name, meaning);
  const head = builder
    .setOpenAPIVersion('3.1.0')
    .setTitle('Signalbox')
    .setDescription('One stable REST API over every workflow engine.')
    .setVersion(version)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This service')
    .build();
  const document = SwaggerModule.createDocument(nest, head, { autoTagControllers: false });
  document.paths = sorted(document.paths);
  if (document.components?.schemas) document.components.schemas = sorted(document.components.schemas);
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method];
      if (!operation) continue;
      dropOtherStatuses(operation);
      describeQuery(operation);
      describeBody(operation, document.components?.schemas ?? {});
      placeExample(operation);
    }
  }
  return document;
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function dropOtherStatuses(operation: Operation): void {
  const happening = operation['x-statuses'];
  delete operation['x-statuses'];
  if (!happening) return;
  for (const status of Object.keys(operation.responses)) {
    if (!happening.includes(Number(status))) delete operation.responses[status];
  }
}

/** A parameter with a default may be left out, and a number in a query is a whole one: `QueryInteger` reads no other. */
function describeQuery(operation: Operation): void {
  for (const parameter of operation.parameters ?? []) {
    if (!('in' in parameter) || parameter.in !== 'query') continue;
    const { schema } = parameter;
    if (schema === undefined || '$ref' in schema) continue;
    if (schema.default !== undefined) parameter.required = false;
    if (schema.type === 'number') schema.type = 'integer';
  }
}

/** A body without a field that is required may be left out. */
function describeBody({ requestBody }: Operation, schemas: NonNullable<OpenAPIObject['components']>['schemas']): void {
  if (requestBody === undefined || !('content' in requestBody)) return;
  const schema = requestBody.content['application/json']?.schema;
  const name = schema !== undefined && '$ref' in schema ? schema.$ref.split('/').at(-1) : undefined;
  const model = name === undefined ? undefined : schemas?.[name];
  if (model !== undefined && !('$ref' in model)) requestBody.required = (model.required ?? []).length > 0;
}

function placeExample(operation: Operation): void {
  const example = operation['x-example'];
  delete operation['x-example'];
  if (!example) return;
  for (const parameter of operation.parameters ?? []) {
    if (!('in' in parameter)) continue;
    const values = parameter.in === 'path' ? example.path : parameter.in === 'query' ? example.query : undefined;
    const value = values?.[parameter.name];
    if (value !== undefined) parameter.example = value;
  }
  const content = operation.requestBody && 'content' in operation.requestBody ? operation.requestBody.content : {};
  const json = content['application/json'];
  if (json && example.body !== undefined) json.example = example.body;
}
