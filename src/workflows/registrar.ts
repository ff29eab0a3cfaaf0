/** Registrations are rows driven like runs: register is repeated until the engine is READY with its graph, or says FAILED. */
import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { WorkflowVersion } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { TaskGraph } from '../../adapters/spi/facts.js';
import type { Diagnostic } from '../../definition/definition-types.js';
import { Config } from '../config.js';
import { type Engine, Engines } from '../engines/engines.js';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';
import { backOffMs } from '../platform/back-off.js';
import { storeTaskGraph } from './task-graph-store.js';

interface DueRegistration {
  id: number;
  project: string;
  title: string;
  version: number;
  definitionFormat: WorkflowVersion['definition']['format'];
  definition: string;
  digest: string;
  attempts: number;
  ageMs: number;
}

const BATCH = 4;

@Injectable()
export class Registrar {
  private timer: NodeJS.Timeout | undefined;
  private work: Promise<void> = Promise.resolve();
  private running = false;

  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  start(): void {
    this.running = true;
    if (this.later().length > 0) this.schedule(0);
  }

  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.timer);
    await this.work;
  }

  private later(): Engine[] {
    return this.engines.list().filter((engine) => engine.capabilities.registers === 'later');
  }

  private schedule(delayMs: number): void {
    this.timer = setTimeout(() => (this.work = this.round()), delayMs);
  }

  private async round(): Promise<void> {
    await Promise.all(
      this.later().map((engine) =>
        this.registerDue(engine).catch((error: unknown) => {
          this.log.warn({ engine: engine.name, err: error }, 'registrations could not be driven');
        }),
      ),
    );
    if (this.running) this.schedule(this.config.pollIntervalMs);
  }

  private async registerDue(engine: Engine): Promise<void> {
    if (engine.gateway.closedForMs() > 0) return;
    const token = randomUUID();
    const { rows } = await this.database.query<DueRegistration>({
      name: 'claim-due-registrations',
      text: `UPDATE workflows w SET lease_token = $2, lease_until = now() + $3 * interval '1 millisecond', attempts = w.attempts + 1
             WHERE w.id IN (
               SELECT id FROM workflows
               WHERE workflow_engine = $1 AND next_action_at <= now() AND (lease_until IS NULL OR lease_until < now())
               ORDER BY next_action_at LIMIT $4 FOR UPDATE SKIP LOCKED)
             RETURNING w.id, w.project, w.title, w.version, w.definition_format AS "definitionFormat", w.definition,
               w.definition_digest AS digest, w.attempts,
               extract(epoch FROM now() - w.created_at)::float8 * 1000 AS "ageMs"`,
      values: [engine.name, token, this.config.leaseMs, BATCH],
    });
    await Promise.all(rows.map((row) => this.drive(engine, row, token)));
  }

  private async drive(engine: Engine, row: DueRegistration, token: string): Promise<void> {
    const workflow: WorkflowVersion = {
      id: String(row.id),
      project: row.project,
      title: row.title,
      version: row.version,
      definition: { format: row.definitionFormat, text: row.definition },
      digest: row.digest,
    };
    try {
      const said = await engine.gateway.call('register', { class: 'intent' }, (adapter, ctx) =>
        adapter.register(workflow, ctx),
      );
      if (said.state === 'FAILED') return await this.conclude(row, token, 'FAILED', said.diagnostics);
      if (said.state === 'READY') {
        const graph = await engine.gateway.call('describe', { class: 'intent' }, (adapter, ctx) =>
          adapter.describe(workflow, ctx),
        );
        return await this.conclude(row, token, 'READY', [], graph);
      }
      if (row.ageMs > this.config.registerTimeoutMs) return await this.timeOut(row, token);
      await this.database.query(again(row.id, token, said.diagnostics ?? [], backOffMs(Math.min(row.attempts, 4))));
    } catch (error) {
      if (error instanceof EngineError) return this.afterError(row, token, error);
      // What the engine answered cannot be stored. It is tried again, but not for ever and not at the cost of others.
      this.log.error({ workflow_id: row.id, engine: engine.name, err: error }, 'a registration could not be stored');
      if (row.ageMs > this.config.registerTimeoutMs) return this.timeOut(row, token);
      const message = 'The answer of the engine could not be stored.';
      await this.database.query(
        again(row.id, token, [warning('registration-not-stored', message)], backOffMs(row.attempts)),
      );
    }
  }

  /** A refusal is the end; an engine that cannot be asked is asked again, for as long as it takes. */
  private async afterError(row: DueRegistration, token: string, { code, message }: EngineError): Promise<void> {
    const note = warning(`engine-${code}`, message);
    if (code === 'rejected' || code === 'unsupported') {
      return this.conclude(row, token, 'FAILED', [{ ...note, severity: 'error' }]);
    }
    await this.database.query(again(row.id, token, [note], backOffMs(row.attempts)));
  }

  private async timeOut(row: DueRegistration, token: string): Promise<void> {
    const note = warning('registration-timed-out', 'The engine did not take in the definition in time.');
    await this.conclude(row, token, 'FAILED', [{ ...note, severity: 'error' }]);
  }

  /** Stored with the graph, and the runs that wait for it become due. */
  private async conclude(
    row: DueRegistration,
    token: string,
    state: 'READY' | 'FAILED',
    diagnostics: Diagnostic[],
    graph?: TaskGraph,
  ): Promise<void> {
    await this.database.transaction(async (db) => {
      const { rowCount } = await db.query({
        text: `UPDATE workflows SET registration_state = $3, diagnostics = $4, registered_at = now(), next_action_at = NULL,
                 lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2`,
        values: [row.id, token, state, JSON.stringify(diagnostics)],
      });
      // Somebody else has it by now.
      if (rowCount === 0) return;
      if (graph) await storeTaskGraph(db, row.id, graph);
      await db.query({
        text: `UPDATE workflow_runs SET next_action_at = now(), version = version + 1
               WHERE workflow_id = $1 AND state = 'PENDING' AND next_action_at > now()`,
        values: [row.id],
      });
    });
  }
}

function warning(code: string, message: string): Diagnostic {
  return { severity: 'warning', code, message, pointer: '' };
}

function again(
  id: number,
  token: string,
  diagnostics: Diagnostic[],
  dueInMs: number,
): { text: string; values: unknown[] } {
  return {
    text: `UPDATE workflows SET diagnostics = $3, next_action_at = now() + $4 * interval '1 millisecond',
             lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2`,
    values: [id, token, JSON.stringify(diagnostics), dueInMs],
  };
}
