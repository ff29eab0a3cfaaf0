/** What a check says of an engine, and what the runs it was given say about its memory. */
export const HEALTH_STATES = ['UP', 'DOWN', 'UNAUTHORIZED', 'SUSPECT', 'UNKNOWN'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

export interface Health {
  state: HealthState;
  latencyMs: number;
  version?: string;
  detail?: string;
  epoch?: string;
}

/** What a check says of the engine; its time and latency apart. */
export interface HealthWords {
  state: HealthState;
  epoch: string | null;
  version: string | null;
  detail: string | null;
}

/** As they are stored: an epoch or a version that was not read is the one that is known. */
export function wordsOf({ state, epoch, version, detail }: Health, known: HealthWords): HealthWords {
  return { state, epoch: epoch ?? known.epoch, version: version ?? known.version, detail: detail ?? null };
}

/** What the active runs that the engine was given say about its memory. */
export interface MemorySigns {
  /** Some were given to another memory than the one that answers now. */
  otherEpoch: boolean;
  /** Positively absent now. */
  absent: number;
  /** Some are not. */
  othersSeen: boolean;
}

/** So many runs that are absent at the same time were not removed one by one; fewer, when no other is left. */
const MANY = 5;
const ALL_OF = 2;

/** An engine that came back from a backup knows our sentinel, and not the runs it was given since. Pure. */
export function vanishedTogether({ absent, othersSeen }: MemorySigns): boolean {
  return absent >= MANY || (absent >= ALL_OF && !othersSeen);
}

export function doubtOf(signs: MemorySigns): string | undefined {
  if (vanishedTogether(signs)) return `${signs.absent} active runs are gone from the engine at once`;
  return signs.otherEpoch ? 'the engine has another memory than the one active runs were given to' : undefined;
}
