import type { EngineKind } from '../spi/engine-kind.js';
import { parseArgoOptions } from './argo-options.js';
import { compileDefinition } from './compile/compile-definition.js';
import { createArgoAdapter } from './argo.adapter.js';
import type { PageOf } from './to-observation.js';

/** Argo Workflows, through argo-server or through the Kubernetes API; README.md beside this file lists the options. */
export const argoEngine: EngineKind = {
  kind: 'argo',
  compile: (text) => compileDefinition(text),
  create: async (options, { installationId }) => {
    const { access, namespace, keepSeconds, serviceAccount, uiUrl } = parseArgoOptions(options);
    const pageOf: PageOf = ({ name, uid }, nodeId) => {
      if (uiUrl === undefined) return undefined;
      const query = new URLSearchParams({ uid, ...(nodeId === undefined ? {} : { nodeId }) });
      return `${uiUrl}/workflows/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}?${query.toString()}`;
    };
    return createArgoAdapter({
      access,
      installationId,
      keepSeconds,
      pageOf,
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    });
  },
};
