import { createHash } from 'node:crypto';
import type { Marker, Submission } from '../../adapters/spi/engine-adapter.js';
import { canonicalJson } from '../../definition/canonical-json.js';
import { toExecutionRef } from '../lifecycle/execution-ref.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import type { SubmissionParts } from '../lifecycle/run-store.js';

/** What the engine is handed, with the marker by which we know it again. */
export function toSubmission(installationId: string, run: RunRecord, parts: SubmissionParts): Submission {
  const marker: Marker = {
    installationId,
    key: run.execution.key,
    contentDigest: createHash('sha256')
      .update(parts.definitionDigest)
      .update(canonicalJson(parts.parameters))
      .digest('hex'),
  };
  return {
    ref: toExecutionRef(run),
    marker,
    workflow: {
      id: String(run.workflowId),
      project: run.project,
      title: run.workflowTitle,
      version: run.workflowVersion,
      definition: { format: parts.definitionFormat, text: parts.definition },
      digest: parts.definitionDigest,
    },
    parameters: parts.parameters,
    labels: parts.labels,
    runId: String(run.id),
  };
}
