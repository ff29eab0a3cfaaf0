// Compiles the tree into dist/. The OpenAPI schemas come from the Swagger transformer, which reads types and comments
// of *.dto.ts and *.controller.ts; plain `tsc` cannot load it, hence this file.
//   node scripts/build.js               the product
//   node scripts/build.js --with-tests  the product and the test entries that run as processes
import { cpSync, existsSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { before as swagger } from '@nestjs/swagger/plugin';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const withTests = process.argv.includes('--with-tests');

const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.json'),
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: report },
);
const isTest = (file) =>
  /\.test(-[a-z]+)?\.ts$/.test(file) || relative(root, file).startsWith('test/') || file.includes('/conformance/');
const files = withTests ? config.fileNames : config.fileNames.filter((file) => !isTest(file));

rmSync(join(root, 'dist'), { recursive: true, force: true });
const program = ts.createProgram(files, config.options);
const emitted = program.emit(undefined, undefined, undefined, false, {
  before: [
    swagger(
      { classValidatorShim: true, introspectComments: true, esmCompatible: true, dtoFileNameSuffix: ['.dto.ts'] },
      program,
    ),
  ],
});
const diagnostics = ts.getPreEmitDiagnostics(program).concat(emitted.diagnostics);
diagnostics.forEach(report);
if (diagnostics.some((diagnostic) => diagnostic.category === ts.DiagnosticCategory.Error)) process.exit(1);

// Files the compiled code reads at run time, from the same relative place.
const assets = [
  'migrations',
  'adapters/airflow/compile/python',
  'adapters/local/migrations',
  'definition/definition.schema.json',
  'openapi/openapi.json',
];
for (const asset of assets) {
  // The first build of all makes openapi.json; until then there is none to copy.
  if (existsSync(join(root, asset))) cpSync(join(root, asset), join(root, 'dist', asset), { recursive: true });
}

function report(diagnostic) {
  const host = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
  process.stderr.write(ts.formatDiagnosticsWithColorAndContext([diagnostic], host));
}
