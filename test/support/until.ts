/** Asks again and again until the answer is as wanted; throws with the last answer after `timeoutMs`. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, timeoutMs = 60_000): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`not in ${timeoutMs} ms; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
