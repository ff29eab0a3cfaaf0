import { conformsWhereItRuns } from './argo-conformance.test-support.js';
import { argoEndpoint } from './argo-endpoint.test-support.js';

await conformsWhereItRuns('argo-kubernetes', argoEndpoint(), 'kubernetes');
