import type { RealEngine } from '../real-engines/real-engine.js';

/** What every figure of a real engine is given. */
export interface Measure {
  engine: RealEngine;
  /** Of the figure's kind: created, active, or cancelled. */
  runs: number;
  seed: number;
  /** Progress, for people. */
  say(line: string): void;
}
