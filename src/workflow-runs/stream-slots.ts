import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Drain } from '../platform/drain.js';
import { Problem } from '../platform/problem.js';

/** The right to hold one stream or long poll open. */
export interface StreamSlot {
  /** Aborted when the process is stopping: whatever is open has to end. */
  stopping: AbortSignal;
  /** Gives it back, any number of times. */
  release(): void;
}

/** Bounds the event streams and long polls that one project holds open in this process. */
@Injectable()
export class StreamSlots {
  private readonly open = new Map<string, number>();

  constructor(
    private readonly config: Config,
    private readonly drain: Drain,
  ) {}

  /** Throws `too-many-requests`. */
  take(project: string): StreamSlot {
    const taken = this.open.get(project) ?? 0;
    if (taken >= this.config.maxStreamsPerProject) {
      throw new Problem('too-many-requests', {
        detail: `The project has ${taken} event streams and long polls open; no more are taken.`,
        retryAfterSeconds: 5,
      });
    }
    this.open.set(project, taken + 1);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      const left = (this.open.get(project) ?? 1) - 1;
      if (left > 0) this.open.set(project, left);
      else this.open.delete(project);
    };
    return { stopping: this.drain.signal, release };
  }
}
