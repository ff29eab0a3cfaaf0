import type { RealStage } from './real-stage.js';
import type { TroubledEngine } from './troubled-engine.js';

/** What must hold when something happens to a real engine. */
export interface FaultCase {
  /** Rows of the fault catalogue that it shows on the real thing. */
  rows: readonly string[];
  /** A sentence: what happens, and what must hold. */
  title: string;
  /** Why this engine cannot be brought into it; undefined = it can. */
  impossible?(troubled: TroubledEngine): string | undefined;
  run(stage: RealStage): Promise<void>;
}
