/** Makes the wall clock of this process wrong by `ms`; timers and `performance.now()` go on as they are. */
export function shiftClock(ms: number): void {
  if (ms === 0) return;
  const RealDate = Date;
  class ShiftedDate extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      if (given.length === 0) super(RealDate.now() + ms);
      else super(...(given as [number]));
    }

    static override now(): number {
      return RealDate.now() + ms;
    }
  }
  globalThis.Date = ShiftedDate as DateConstructor;
}
