/** Does `work`, which never throws, now and every `intervalMs`, never twice at once. The result ends it, after the last one. */
export function repeat(intervalMs: number, work: () => Promise<void>): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();
  let running = true;
  const lap = async (): Promise<void> => {
    const began = performance.now();
    await work();
    if (running) schedule(Math.max(0, intervalMs - (performance.now() - began)));
  };
  const schedule = (delayMs: number): void => {
    timer = setTimeout(() => (last = lap()), delayMs);
  };
  schedule(0);
  return async () => {
    running = false;
    clearTimeout(timer);
    await last;
  };
}
