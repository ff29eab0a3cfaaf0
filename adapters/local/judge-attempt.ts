import type { ExitRecord } from './record-shapes.js';
import type { Life } from './process-identity.js';

/** What an attempt's folder and the process table say. The life of the supervisor is read before the exit record. */
export interface AttemptEvidence {
  claim: 'none' | 'void' | 'claimed';
  /** User code may have been executed: by the folder, or by what was seen of it before its task changed that. */
  started: boolean;
  exit: ExitRecord | undefined;
  supervisor: Life;
  /** Milliseconds since the supervisor's last sign of life; it decides where its process cannot be seen. */
  sinceBeatMs: number;
  /** A supervisor that this process started and has not seen ending. */
  childRunning: boolean;
}

export type Judgement =
  /** Nothing to decide yet. */
  | 'wait'
  /** Nobody has claimed it: start a supervisor, also when another one may be on its way. */
  | 'launch'
  /** The supervisor that was started ended before it claimed: see to it that none ever can. */
  | 'void'
  /** No user code was executed and none will be. */
  | 'never-ran'
  | 'ended'
  /** It ran, and nobody can say how it ended. */
  | 'lost';

/** Beyond it, a supervisor that cannot be seen is taken for dead: six signs of life in a row are missing. */
export const SILENCE_MS = 60_000;

/** The verdict on an attempt that the database calls open. `launched`: this owner has started a supervisor for it. */
export function judgeAttempt(evidence: AttemptEvidence, launched: boolean): Judgement {
  if (evidence.exit !== undefined) return 'ended';
  switch (evidence.claim) {
    case 'void':
      return 'never-ran';
    case 'none':
      if (evidence.childRunning) return 'wait';
      if (evidence.started) return 'lost';
      return launched ? 'void' : 'launch';
    case 'claimed':
      if (isAlive(evidence)) return 'wait';
      return evidence.started ? 'lost' : 'never-ran';
  }
}

function isAlive({ supervisor, sinceBeatMs }: AttemptEvidence): boolean {
  switch (supervisor) {
    case 'alive':
      return true;
    case 'dead':
      return false;
    case 'unknown':
      return sinceBeatMs < SILENCE_MS;
  }
}
