import { spreadOverTurns } from './spread-over-turns.js';

interface Waiting<Input, Output> {
  input: Input;
  resolve: (output: Output) => void;
  reject: (error: unknown) => void;
}

export interface BatchOptions {
  /** Inputs of one batch, at most. */
  size: number;
  /** Batches under way at once, at most. */
  atOnce: number;
  /** Milliseconds for which a batch has to be under way before another goes beside it: fewer and fuller ones; default 0. */
  besideAfterMs?: number;
  /**
   * Turns of the event loop over which outputs are spread, at most: what follows on many of them keeps others waiting; default 1.
   * A batch is under way until the last of them.
   */
  turns?: number;
  /** Whether an error of a whole batch may be the fault of one input: then each is tried alone. */
  mayBeOfOne?: (error: unknown) => boolean;
}

/**
 * Gathers what is asked for at the same moment into one call of `work`: while batches are under way the next one fills. What
 * comes alone goes out alone, without waiting for company. `work` answers in the order of its inputs.
 */
export class Batches<Input, Output> {
  private waiting: Waiting<Input, Output>[] = [];
  /** When each of the batches under way began, the newest last. */
  private readonly underWay = new Set<{ begunAt: number }>();
  private begins = false;
  private beside: NodeJS.Timeout | undefined;

  constructor(
    private readonly work: (inputs: Input[]) => Promise<Output[]>,
    private readonly options: BatchOptions,
  ) {}

  /** Throws what `work` throws for the batch this input was part of. */
  add(input: Input): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ input, resolve, reject });
      this.beginSoon();
    });
  }

  /** After what this turn of the event loop still brings: answers of an engine often come together. */
  private beginSoon(): void {
    if (this.begins || this.waiting.length === 0 || this.underWay.size >= this.options.atOnce) return;
    if (this.mustWait()) return;
    clearTimeout(this.beside);
    this.beside = undefined;
    this.begins = true;
    setImmediate(() => {
      this.begins = false;
      void this.run(this.waiting.splice(0, this.options.size));
      this.beginSoon();
    });
  }

  /** Looks again once the newest of the batches under way has had its time. */
  private mustWait(): boolean {
    const newest = [...this.underWay].at(-1);
    const leftMs = newest ? newest.begunAt + (this.options.besideAfterMs ?? 0) - performance.now() : 0;
    if (leftMs <= 0) return false;
    this.beside ??= setTimeout(() => {
      this.beside = undefined;
      this.beginSoon();
    }, Math.ceil(leftMs));
    return true;
  }

  private async run(batch: Waiting<Input, Output>[]): Promise<void> {
    const own = { begunAt: performance.now() };
    this.underWay.add(own);
    try {
      const outputs = await this.work(batch.map((one) => one.input));
      await spreadOverTurns(batch, this.options.turns ?? 1, (one, index) => one.resolve(outputs[index] as Output));
    } catch (error) {
      if (batch.length > 1 && this.options.mayBeOfOne?.(error) === true) {
        for (const one of batch) await this.run([one]);
      } else {
        for (const one of batch) one.reject(error);
      }
    } finally {
      this.underWay.delete(own);
      this.beginSoon();
    }
  }
}
