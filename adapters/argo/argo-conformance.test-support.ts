/** The conformance suite on a real Argo, as `npm run engines -- up argo` starts it. */
import { test } from '@jest/globals';
import { describeConformance } from '../conformance/describe-conformance.js';
import type { Harness, Skip } from '../conformance/harness.js';
import { INSTALLATION_ID } from '../conformance/world.js';
import { kubectl, NOT_UP } from './argo-endpoint.test-support.js';
import type { Access, ArgoEndpoint } from './argo-endpoint.test-support.js';
import { ARGO_FIXTURES, REFUSED_COMPILED, compiledFixture } from './argo-fixtures.test-support.js';
import { argoPeople, connectArgo, definitionOf, forget, restartArgo } from './argo-lab.test-support.js';
import { argoWire } from './argo-wire.test-support.js';

/** `native`: WorkflowTemplates. `compiled`: portable definitions, of which Argo shows what the local engine shows. */
export type Written = 'native' | 'compiled';

const WRITTEN = {
  native: {
    definition: definitionOf,
    refusedDefinition: {
      format: 'native',
      text: JSON.stringify({ ...ARGO_FIXTURES.linear, spec: { entrypoint: 'nobody', templates: [] } }),
    },
  },
  compiled: { definition: compiledFixture, refusedDefinition: REFUSED_COMPILED },
} as const satisfies Record<Written, Partial<Harness>>;

/** What each way to Argo cannot tell. */
const TOLD = {
  // Argo's retry deletes the pod of the failed attempt, and its log with it.
  server: { emptyLogIsGone: true, retryDropsLog: true },
  kubernetes: { tellsOnlyActive: true },
} as const satisfies Record<Access, Partial<Harness>>;

export async function argoHarness(
  endpoint: ArgoEndpoint,
  access: Access,
  written: Written = 'native',
): Promise<Harness> {
  const people = argoPeople(endpoint);
  const network = await argoWire(endpoint, access);
  const { namespace } = endpoint;
  return {
    connect: () => connectArgo(network.endpoint, access),
    ...WRITTEN[written],
    restart: () => restartArgo(endpoint, access),
    // Of all that is lost with a cluster's memory the sentinel is what must be noticed.
    wipe: async () => {
      await kubectl(endpoint, 'delete', 'workflowtemplate', `signalbox-sentinel-${INSTALLATION_ID}`, '-n', namespace);
    },
    forget: (ref) => forget(endpoint, ref),
    people,
    wire: network.wire,
    ...TOLD[access],
    // Each is a pod.
    manyTaskRuns: 25,
    patienceMs: 240_000,
    cleanUp: async () => {
      await people.withdraw();
      await network.removeMade();
      await network.close();
    },
  };
}

const OVER_A_PAGE: Skip = {
  reason: 'a page of this list is 500 workflows, and as many pods (argo-answers.test.ts goes over its border)',
  cases: ['list shows each execution once, over page borders'],
};
const UNASKED: Skip = {
  reason: 'a definition is checked without the engine',
  cases: ['validate believes no broken answer'],
};
const SKIPS: Record<Access, Skip[]> = { server: [OVER_A_PAGE], kubernetes: [OVER_A_PAGE, UNASKED] };

/** Holds Argo to the suite where it runs; where it does not, the skipped test says how it would. */
export async function conformsWhereItRuns(
  column: string,
  endpoint: ArgoEndpoint | undefined,
  access: Access,
  written: Written = 'native',
): Promise<void> {
  if (endpoint)
    return describeConformance(column, () => argoHarness(endpoint, access, written), { skip: SKIPS[access] });
  process.stdout.write(`\nthe conformance of ${column} is not shown: ${NOT_UP}\n`);
  test.skip(`the conformance of ${column} (${NOT_UP})`, () => undefined);
}
