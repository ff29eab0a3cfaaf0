/** What the adapter asks of Argo, whichever way it reaches it: argo-server's REST API or the Kubernetes API. */
import type { CallContext } from '../spi/engine-adapter.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { StreamContext } from './argo-http.js';

/** `Stop` lets the exit handler run, `Terminate` does not. */
export type ShutdownStrategy = 'Stop' | 'Terminate';

/** A workflow as it was read last. */
export interface ReadWorkflow {
  name: string;
  resourceVersion: string;
  /** `spec.suspend`. */
  suspended: boolean;
}

export interface EndedWorkflow {
  name: string;
  uid: string;
  /** Argo keeps, or is about to keep, a copy in its archive. */
  archived: boolean;
}

export type TemplateKind = 'WorkflowTemplate' | 'ClusterWorkflowTemplate';
export interface TemplateRef {
  kind: TemplateKind;
  name: string;
}

export interface WorkflowQuery {
  /** Of labels, in Kubernetes' own language. */
  selector: string;
  /** Rows of this page at most. */
  limit: number;
  /** From an earlier page. */
  continue?: string;
  /** Workflows created before are left out, where the way to Argo can do that. */
  createdAfter?: Date;
  /** Rows may lack their spec and status. */
  metadataOnly?: boolean;
  /** Rows tell also of which template they are, and their arguments. */
  withSpec?: boolean;
}

export interface WorkflowPage {
  /** Without their nodes. */
  items: JsonObject[];
  continue?: string;
}

export interface PodLogQuery {
  workflow: string;
  pod: string;
  container: string;
  /** Only what was written from then on, roughly; a line may come again. */
  since?: Date;
}

/** Verbs of argo-server that the Kubernetes API has no counterpart of. */
export interface ServerVerbs {
  /** Throws `rejected` with the reason for a template Argo would not take. */
  lint(template: JsonObject, ctx: CallContext): Promise<void>;
  /** Restarts what failed, and the node `nodeId` with all after it; `parameters` become arguments of the workflow. */
  retry(name: string, change: RetryChange, ctx: CallContext): Promise<JsonObject>;
  /**
   * Waits until no task of the workflow writes any more and its pods have ended, for half of the time of the call at most. Never
   * throws: what cannot be learned is not waited for.
   */
  podsEnded(name: string, ctx: CallContext): Promise<void>;
  /** Lines of the log Argo stored when the node ended; throws `not-found` or `unknown` where there is none. */
  archivedLog(place: { workflow: string; nodeId: string }, ctx: StreamContext): Promise<AsyncIterable<string>>;
}

export interface RetryChange {
  nodeId?: string;
  parameters: Record<string, string>;
}

export interface ArgoAccess {
  version(ctx: CallContext): Promise<string>;
  /** Whole; nothing when Argo positively has none of this name. */
  workflow(name: string, ctx: CallContext): Promise<JsonObject | undefined>;
  workflows(query: WorkflowQuery, ctx: CallContext): Promise<WorkflowPage>;
  /** Throws `conflict` when the name is taken. */
  createWorkflow(workflow: JsonObject, ctx: CallContext): Promise<JsonObject>;
  /**
   * Throws `conflict` when the workflow has changed since it was read, where the way to Argo can tell. Lets a suspended one go
   * too: the controller would leave it as it is, Running for ever.
   */
  shutdown(workflow: ReadWorkflow, strategy: ShutdownStrategy, ctx: CallContext): Promise<void>;
  setSuspended(workflow: ReadWorkflow, suspended: boolean, ctx: CallContext): Promise<void>;
  /** Removes a workflow and what is archived of it; harmless when it is not there. */
  removeWorkflow(workflow: EndedWorkflow, ctx: CallContext): Promise<void>;
  template(ref: TemplateRef, ctx: CallContext): Promise<JsonObject | undefined>;
  /** A page of them, whole. */
  templates(
    kind: TemplateKind,
    query: Pick<WorkflowQuery, 'selector' | 'limit' | 'continue'>,
    ctx: CallContext,
  ): Promise<WorkflowPage>;
  /** Throws `conflict` when the name is taken, `rejected` when Argo does not take it. */
  createTemplate(template: JsonObject, ctx: CallContext): Promise<JsonObject>;
  /** Harmless when it is not there. */
  removeTemplate(name: string, ctx: CallContext): Promise<void>;
  /** Lines of a container's log, each with its time before it: `2026-01-31T12:00:00.123456789Z text`. */
  podLog(query: PodLogQuery, ctx: StreamContext): AsyncIterable<string>;
  /** Names of workflows that changed, until the stream ends. */
  changes(selector: string, ctx: StreamContext): AsyncIterable<string>;
  /** Absent where no argo-server is asked. */
  server?: ServerVerbs;
  close(): void;
}
