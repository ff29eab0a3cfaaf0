/** Task runs that one caller holds in memory at once, at most; a single execution that has more is read alone. */
const CAPACITY = 4_000;
/** An execution of a workflow nobody has read yet counts as so wide. */
const UNKNOWN_WIDTH = 500;
/** Workflows whose width is remembered. */
const REMEMBERED = 10_000;

/** How many task runs an execution of each workflow had when one was read last. */
export class Widths {
  private readonly known = new Map<number, number>();

  of(workflowId: number): number {
    return this.known.get(workflowId) ?? UNKNOWN_WIDTH;
  }

  note(workflowId: number, width: number): void {
    if (this.known.size >= REMEMBERED && !this.known.has(workflowId)) this.known.clear();
    this.known.set(workflowId, width);
  }
}

/**
 * Room for executions that are read whole: many narrow ones or few wide ones at the same time, so that what a pass needs in
 * memory depends neither on how many there are nor on how wide they are. First come, first served.
 */
export class TaskRunRoom {
  private held = 0;
  private readonly waiting: { width: number; enter: () => void }[] = [];

  constructor(private readonly capacity = CAPACITY) {}

  /** Resolves when there is room for `width` task runs; what it resolves with gives the room back. */
  async take(width: number): Promise<() => void> {
    await new Promise<void>((enter) => {
      this.waiting.push({ width, enter });
      this.admit();
    });
    return () => {
      this.held -= width;
      this.admit();
    };
  }

  private admit(): void {
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      if (this.held > 0 && this.held + next.width > this.capacity) return;
      this.waiting.shift();
      this.held += next.width;
      next.enter();
    }
  }
}
