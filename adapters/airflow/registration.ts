/** Definitions: a DAG that is there already (`reference`), or a file of ours in the DAGs folder, as it is or compiled. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Definition, Diagnostic } from '../../definition/definition-types.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import { toTaskGraph } from '../../definition/task-graph.js';
import type { CallContext, DefinitionText, Registration, Validation, WorkflowVersion } from '../spi/engine-adapter.js';
import { EngineError, unlessAbsent } from '../spi/engine-error.js';
import type { TaskGraph } from '../spi/facts.js';
import { readCount, readList, readObject, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { AirflowClient } from './airflow-client.js';
import { compileDefinition } from './compile/compile-definition.js';
import { runtimeCode } from './compile/runtime-code.js';
import { DAG_ID_TOKEN, dagOf, ownDag, referencedDag } from './dag-name.js';

const DEFINITION_LIMIT_BYTES = 1_048_576;
/** Pages of import errors that are looked through. */
const IMPORT_ERROR_PAGES = 20;

export class AirflowRegistration {
  constructor(
    private readonly client: AirflowClient,
    private readonly installationId: string,
    private readonly dagsFolder: string | undefined,
  ) {}

  /** Reads the text as text: nothing of it is executed. */
  async validate({ format, text }: DefinitionText, ctx: CallContext): Promise<Validation> {
    if (format === 'native') return { diagnostics: checkNative(text) };
    if (format === 'signalbox/v1') return { diagnostics: compileDefinition(text, runtimeCode()).diagnostics };
    const dagId = referencedDag(text);
    if (dagId === undefined) {
      return { diagnostics: [error('bad-reference', 'A reference is the id of one DAG: letters, digits, _ . and -.')] };
    }
    const dag = await unlessAbsent(readDag(this.client, dagId, ctx));
    const message = `Airflow has no DAG ${dagId} yet: the workflow can be run once it has.`;
    return { diagnostics: dag ? [] : [{ severity: 'warning', code: 'dag-not-found', message, pointer: '' }] };
  }

  async register(workflow: WorkflowVersion, ctx: CallContext): Promise<Registration> {
    const dagId = dagOf(this.installationId, workflow);
    const isOurs = workflow.definition.format !== 'reference';
    if (isOurs) {
      const file = toFile(workflow.definition);
      if (typeof file !== 'string') return { state: 'FAILED', diagnostics: file };
      await this.writeFile(dagId, file);
    }
    const { dialect } = await this.client.version(ctx);
    const dag = await unlessAbsent(readDag(this.client, dagId, ctx));
    if (dag && dialect.isParsed(dag)) {
      // Airflow pauses what is new; a DAG that is not ours is left as its people want it.
      if (isOurs && dag['is_paused'] === true) await this.unpause(dagId, ctx);
      return { state: 'READY' };
    }
    if (!isOurs) return { state: 'PENDING', diagnostics: [await this.whyNotParsed(dagId, dag, ctx)] };
    const failure = await this.importError(fileOf(dagId), ctx);
    return failure === undefined ? { state: 'PENDING' } : { state: 'FAILED', diagnostics: [importFailed(failure)] };
  }

  /** Takes our file away; runs stay readable. A DAG that is not ours stays as it is. */
  async retire(workflow: WorkflowVersion): Promise<void> {
    if (workflow.definition.format === 'reference' || this.dagsFolder === undefined) return;
    await onDisk(rm(join(this.dagsFolder, fileOf(ownDag(this.installationId, workflow))), { force: true }));
  }

  /** Tasks of task groups are called `group.task` by Airflow itself. */
  async describe(workflow: WorkflowVersion, ctx: CallContext): Promise<TaskGraph> {
    // What Airflow has of it are tasks of ours too.
    if (workflow.definition.format === 'signalbox/v1') return toTaskGraph(compiledDefinition(workflow.definition.text));
    const dagId = dagOf(this.installationId, workflow);
    const answer = await unlessAbsent(this.client.get(`/dags/${encodeURIComponent(dagId)}/tasks`, ctx));
    if (answer === undefined) throw new EngineError('unavailable', `Airflow has not parsed ${dagId}`);
    const told = readObject(answer, 'the tasks');
    const tasks = readList(told['tasks'], 'tasks').map((one) => {
      const task = readObject(one, 'a task');
      const { task_display_name: displayName, operator_name: operator } = task;
      return {
        title: readText(task['task_id'], 'task_id'),
        ...(typeof displayName === 'string' && displayName !== task['task_id'] ? { displayName } : {}),
        ...(typeof operator === 'string' ? { type: operator } : operatorOf(task)),
        downstream: readList(task['downstream_task_ids'], 'downstream')
          .map((id) => readText(id, 'a task id'))
          .sort(),
      };
    });
    if (readCount(told['total_entries'], 'total_entries') !== tasks.length) {
      throw new EngineError('unknown', `${tasks.length} of the tasks of ${dagId}`);
    }
    return { tasks };
  }

  private async writeFile(dagId: string, text: string): Promise<void> {
    const folder = this.dagsFolder;
    if (folder === undefined) throw new EngineError('unsupported', 'there is no dagsFolder: only references are taken');
    const content = text.replaceAll(DAG_ID_TOKEN, dagId);
    const path = join(folder, fileOf(dagId));
    if ((await readFile(path, 'utf8').catch(() => undefined)) === content) return;
    // Whole or not at all; the other name is no DAG file to Airflow, and nobody else's: processes of two machines may have one id.
    const incoming = `${path}.${randomUUID()}.tmp`;
    try {
      await onDisk(mkdir(folder, { recursive: true }).then(() => writeFile(incoming, content)));
      await onDisk(rename(incoming, path));
    } finally {
      await rm(incoming, { force: true }).catch(() => undefined);
    }
  }

  private async unpause(dagId: string, ctx: CallContext): Promise<void> {
    await this.client.patch(`/dags/${encodeURIComponent(dagId)}?update_mask=is_paused`, { is_paused: false }, ctx);
  }

  private async whyNotParsed(dagId: string, dag: JsonObject | undefined, ctx: CallContext): Promise<Diagnostic> {
    const file = dag === undefined ? undefined : (dag['relative_fileloc'] ?? dag['fileloc']);
    const failure = typeof file === 'string' ? await this.importError(file.split('/').at(-1) ?? file, ctx) : undefined;
    if (failure !== undefined) return { ...importFailed(failure), severity: 'warning' };
    const message = dag ? `The file of the DAG ${dagId} is not there any more.` : `Airflow has no DAG ${dagId} yet.`;
    return { severity: 'warning', code: 'dag-not-found', message, pointer: '' };
  }

  /** The stack trace of the file that ends in `file`, if it could not be imported. */
  private async importError(file: string, ctx: CallContext): Promise<string | undefined> {
    const { dialect } = await this.client.version(ctx);
    for (let page = 0, offset = 0; page < IMPORT_ERROR_PAGES; page += 1) {
      const told = readObject(await this.client.get(dialect.importErrorsPath(file, offset), ctx), 'the import errors');
      const errors = readList(told['import_errors'], 'import_errors').map((one) => readObject(one, 'an import error'));
      const found = errors.find(({ filename }) => typeof filename === 'string' && isFile(filename, file));
      if (found) return readText(found['stack_trace'], 'stack_trace');
      offset += errors.length;
      if (errors.length === 0 || offset >= readCount(told['total_entries'], 'total_entries')) return undefined;
    }
    return undefined;
  }
}

export async function readDag(client: AirflowClient, dagId: string, ctx: CallContext): Promise<JsonObject> {
  const dag = readObject(await client.get(`/dags/${encodeURIComponent(dagId)}`, ctx), 'the DAG');
  if (dag['dag_id'] !== dagId) throw new EngineError('unknown', `the answer is about another DAG than ${dagId}`);
  return dag;
}

/** The text of the DAG file, or why there is none. */
function toFile({ format, text }: DefinitionText): string | Diagnostic[] {
  if (format === 'native') return text;
  const { files, diagnostics } = compileDefinition(text, runtimeCode());
  return files[0]?.text ?? diagnostics;
}

/** A definition that was stored: it was valid then. */
export function compiledDefinition(text: string): Definition {
  const parsed = parseDefinition(text);
  if (!parsed.ok) throw new EngineError('rejected', parsed.diagnostics[0]?.message ?? 'the definition is not valid');
  return parsed.definition;
}

function checkNative(text: string): Diagnostic[] {
  if (Buffer.byteLength(text) > DEFINITION_LIMIT_BYTES) return [error('too-large', 'A DAG file of more than 1 MiB.')];
  if (text.includes('\0')) return [error('not-a-text', 'A DAG file holds no NUL.')];
  if (!text.includes(DAG_ID_TOKEN)) {
    return [
      error('missing-dag-id', `The file must name its DAG ${DAG_ID_TOKEN}: it is replaced by the id of this version.`),
    ];
  }
  return [];
}

/** The last line says what went wrong, the rest where. */
function importFailed(stackTrace: string): Diagnostic {
  const lines = stackTrace.trimEnd().split('\n');
  return error('import-failed', `${lines.at(-1) ?? ''}\n${stackTrace}`.slice(0, 4_000));
}

function error(code: string, message: string): Diagnostic {
  return { severity: 'error', code, message, pointer: '' };
}

/** Airflow 2 before 2.10 tells the class alone. */
function operatorOf(task: JsonObject): { type?: string } {
  const reference = task['class_ref'];
  if (typeof reference !== 'object' || reference === null || Array.isArray(reference)) return {};
  const name = reference['class_name'];
  return typeof name === 'string' ? { type: name } : {};
}

function fileOf(dagId: string): string {
  return `${dagId}.py`;
}

/** Airflow 3 tells the path below its bundle, Airflow 2 the whole path. */
function isFile(filename: string, file: string): boolean {
  return filename === file || filename.endsWith(`/${file}`);
}

async function onDisk<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw new EngineError('unavailable', `the DAGs folder cannot be written: ${(cause as Error).message}`, { cause });
  });
}
