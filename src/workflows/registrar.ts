/** Registrations are rows driven like runs: register is repeated until the engine is READY with its graph, or says FAILED. */
import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { WorkflowVersion } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
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
               extract(epoch FROM now() - w.created_at) * 1000 AS "ageMs"`,
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
      if (said.state === 'FAILED') return await this.fail(row, token, said.diagnostics);
      if (said.state === 'READY') {
        const graph = await engine.gateway.call('describe', { class: 'intent' }, (adapter, ctx) =>
          adapter.describe(workflow, ctx),
        );
        return await this.database.transaction(async (db) => {
          await storeTaskGraph(db, row.id, graph);
          await db.query(conclude(row.id, token, 'READY', []));
        });
      }
      if (row.ageMs > this.config.registerTimeoutMs) {
        const message = 'The engine did not take in the definition in time.';
        return await this.fail(row, token, [
          { severity: 'error', code: 'registration-timed-out', message, pointer: '' },
        ]);
      }
      await this.database.query(again(row.id, token, said.diagnostics ?? [], backOffMs(Math.min(row.attempts, 4))));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code === 'rejected' || error.code === 'unsupported') {
        return this.fail(row, token, [
          { severity: 'error', code: `engine-${error.code}`, message: error.message, pointer: '' },
        ]);
      }
      const note: Diagnostic = {
        severity: 'warning',
        code: `engine-${error.code}`,
        message: error.message,
        pointer: '',
      };
      await this.database.query(again(row.id, token, [note], backOffMs(row.attempts)));
    }
  }

  private async fail(row: DueRegistration, token: string, diagnostics: Diagnostic[]): Promise<void> {
    await this.database.query(conclude(row.id, token, 'FAILED', diagnostics));
  }
}

function conclude(
  id: number,
  token: string,
  state: 'READY' | 'FAILED',
  diagnostics: Diagnostic[],
): { text: string; values: unknown[] } {
  return {
    text: `UPDATE workflows SET registration_state = $3, diagnostics = $4, registered_at = now(), next_action_at = NULL,
             lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2`,
    values: [id, token, state, JSON.stringify(diagnostics)],
  };
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
