import type { VerbSupport } from '../../adapters/spi/engine-adapter.js';
import { LIFECYCLE_REQUESTS, type LifecycleRequestType } from './lifecycle-event.js';
import { answerRequest, type Requestable } from './request-answer.js';

export interface AllowedAction {
  action: LifecycleRequestType;
  /** The request would be accepted (202) now. */
  available: boolean;
  reason?: string;
}

/** Every lifecycle request with whether it would change something now, and why not. */
export function allowedActions(run: Requestable, verbs: Pick<VerbSupport, 'pause' | 'resume'>): AllowedAction[] {
  return LIFECYCLE_REQUESTS.map((action) => {
    const answer = answerRequest(run, action, verbs);
    return answer.answer === 'accepted'
      ? { action, available: true }
      : { action, available: false, reason: answer.reason };
  });
}
