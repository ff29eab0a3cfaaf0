import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { applyChanges, type Bug } from './bugs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What the compiler says of the files a bug changes: the copy that is run is compiled without a look at types. */
export function typeErrors(bug: Bug): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const files = new Map([...new Set(bug.changes.map(({ file }) => file))].map((file) => [join(ROOT, file), file]));
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (path, ...rest) => {
    const file = files.get(path);
    if (file === undefined) return read(path, ...rest);
    const text = applyChanges(bug, file, ts.sys.readFile(path) ?? '');
    return ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((path) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  );
}
