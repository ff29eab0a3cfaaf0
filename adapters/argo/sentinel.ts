import type { CallContext, Sentinel } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { garbage, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { ArgoAccess, TemplateRef } from './argo-access.js';
import { MANAGED_BY, toLabelValue } from './marker.js';
import { objectIn } from './read-fields.js';

/**
 * A WorkflowTemplate that nothing uses. Kubernetes gives each object a uid that is never given again, so the uid of ours is
 * another one as soon as the cluster's memory is another one.
 */
export class ArgoSentinel {
  readonly #ref: TemplateRef;
  #seen = false;

  constructor(
    private readonly access: ArgoAccess,
    private readonly installationId: string,
  ) {
    const name = `signalbox-sentinel-${toLabelValue(installationId)
      .toLowerCase()
      .replace(/[^a-z0-9-]/g, '-')}`;
    this.#ref = { kind: 'WorkflowTemplate', name: name.slice(0, 63).replace(/-+$/, '') };
  }

  async read(ctx: CallContext): Promise<Sentinel> {
    let template = await this.access.template(this.#ref, ctx);
    if (template === undefined) {
      if (this.#seen) return { state: 'missing' };
      // Another process may write it first: what counts is what is read back.
      await this.access.createTemplate(this.#template(), ctx).catch(unlessConflict);
      template = await this.access.template(this.#ref, ctx);
      if (template === undefined) throw garbage('the sentinel was written and is not there');
    }
    const metadata = objectIn(template, 'metadata');
    if (metadata['name'] !== this.#ref.name) throw garbage('another template than the sentinel');
    const epoch = readText(metadata['uid'], 'uid of the sentinel');
    this.#seen = true;
    return { state: 'present', epoch };
  }

  #template(): JsonObject {
    return {
      metadata: {
        name: this.#ref.name,
        labels: { [MANAGED_BY]: 'signalbox', 'signalbox/installation': toLabelValue(this.installationId) },
        annotations: {
          'signalbox/purpose': 'tells Signalbox whether this cluster still has its memory; please keep it',
        },
      },
      spec: { entrypoint: 'sentinel', templates: [{ name: 'sentinel', suspend: {} }] },
    };
  }
}

function unlessConflict(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== 'conflict') throw error;
}
