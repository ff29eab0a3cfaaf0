import type { CaseBook } from './conformance-case.js';
import { BORN_CASES } from './cases/born.js';
import { CANCEL_CASES } from './cases/cancel.js';
import { DEFINITION_CASES } from './cases/definitions.js';
import { DISCOVER_CASES } from './cases/discover.js';
import { HEALTH_CASES } from './cases/engine-health.js';
import { FIND_CASES } from './cases/find.js';
import { LIST_CASES } from './cases/list.js';
import { LOG_CASES } from './cases/logs.js';
import { OBSERVE_MANY_CASES } from './cases/observe-many.js';
import { OBSERVE_CASES } from './cases/observe.js';
import { RETRY_CASES } from './cases/retry.js';
import { STEERING_CASES } from './cases/steering.js';
import { SUBMIT_CASES } from './cases/submit.js';

/** Every case, by the verb it holds an adapter to. A verb of the interface without an entry does not compile. */
export const CASES: CaseBook = {
  ...HEALTH_CASES,
  ...DEFINITION_CASES,
  ...SUBMIT_CASES,
  ...FIND_CASES,
  ...OBSERVE_CASES,
  ...OBSERVE_MANY_CASES,
  ...CANCEL_CASES,
  ...LOG_CASES,
  ...RETRY_CASES,
  ...STEERING_CASES,
  ...LIST_CASES,
  ...DISCOVER_CASES,
  ...BORN_CASES,
};

/** How a case is called in skips and in the matrix. */
export function caseTitle(group: string, name: string): string {
  return `${group} ${name}`;
}
