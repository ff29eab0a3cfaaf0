/** GET /openapi.json and the page over it at /docs: local files only, so that both work without a network. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.js';

/** The committed document: what is served is what was reviewed. The build copies it beside the code. */
const DOCUMENT = new URL('../../../openapi/openapi.json', import.meta.url);

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Signalbox API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/page.js"></script>
  </body>
</html>
`;

// A file of its own: the content security policy allows no script inside the page.
const SCRIPT = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', validatorUrl: null, displayOperationId: true, tryItOutEnabled: true });\n`;

export function serveApiPage(fastify: FastifyInstance): void {
  const folder = swaggerFolder();
  fastify.get('/openapi.json', (_request, reply) => reply.type('application/json').send(readDocument()));
  fastify.get('/docs', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
  fastify.get<{ Params: { file: string } }>('/docs/:file', (request, reply) => {
    const { file } = request.params;
    if (file === 'page.js') return reply.type('text/javascript; charset=utf-8').send(SCRIPT);
    const type = Object.hasOwn(ASSETS, file) ? ASSETS[file] : undefined;
    if (type === undefined) throw new Problem('not-found', { detail: 'There is no such file.' });
    return reply
      .type(type)
      .header('cache-control', 'max-age=3600')
      .send(readFileSync(join(folder, file)));
  });
}

/** Version of the service that the document describes. */
export function apiVersion(): string {
  const { info } = JSON.parse(readDocument().toString('utf8')) as { info: { version: string } };
  return info.version;
}

/** Where the page's script and style are: in a package that @nestjs/swagger brings along. */
function swaggerFolder(): string {
  const ours = createRequire(import.meta.url);
  const swagger = createRequire(ours.resolve('@nestjs/swagger/package.json'));
  return dirname(swagger.resolve('swagger-ui-dist/package.json'));
}

function readDocument(): Buffer {
  if (!existsSync(DOCUMENT)) throw new Error('openapi/openapi.json is missing: run `npm run openapi`');
  return readFileSync(DOCUMENT);
}
