/**
 * Workflows every engine can be asked for. The texts differ per engine, what they do is the same; a harness writes each
 * in its engine's language. Attempts are counted over the whole life of a task run, rounds included.
 */
export const FIXTURES = {
  linear: 'Tasks `first`, `second`, `third`, one after the other; each prints its own name in one line and ends well.',
  diamond:
    'Tasks `top`, `left` and `right` after it, `bottom` after both. `top` has the output `value` = 7. The run has the output `value` = that of `top`.',
  failing: 'Tasks `first`, `broken`, `after` in a row. `broken` fails in every attempt, without retries of its own.',
  'failing-once':
    'Tasks `first`, `flaky`, `last` in a row. `flaky` fails in its attempt 1 without retries of its own, later attempts end well. Each attempt prints the line `attempt N of TASK`.',
  retrying:
    'Task `flaky` fails in its attempt 1, and the engine retries it once by itself, without delay. Each attempt prints the line `attempt N of flaky`.',
  sleeping: 'Tasks `hold`, `after` in a row. `hold` prints `holding` and then works for ten minutes unless stopped.',
  'sleeping-aside':
    'Tasks `hold` (as in `sleeping`) and `aside`, independent of each other; `aside` ends well at once. `hold` allows failure where the engine knows that.',
  waiting:
    'Tasks `slow`, `after` in a row. `slow` works for one and a half seconds; both end well. Made for a pause between the two.',
  'fan-out':
    'Parameter `items` (list of integers). Task `work` once per entry, each with the output `item` = its entry. All end well.',
  'echo-params':
    'Parameters `text` (string) and `value` (object). Task `echo` has the outputs `text` and `value` = what arrived; the run has the same.',
  noisy:
    'Task `chatter` prints 3,000 lines `line N of 3000, as chatter says it` (N from 1; the comma and words included), then ends well.',
} as const satisfies Record<string, string>;
export type FixtureName = keyof typeof FIXTURES;

export const NOISY_LINES = 3_000;

/** The whole log of `chatter`. */
export function noisyLog(): string {
  return Array.from(
    { length: NOISY_LINES },
    (_, index) => `line ${index + 1} of ${NOISY_LINES}, as chatter says it\n`,
  ).join('');
}

/** Edges of a fixture's tasks, downstream sorted: what `describe` must give. */
export const DIAMOND_GRAPH: Record<string, string[]> = {
  top: ['left', 'right'],
  left: ['bottom'],
  right: ['bottom'],
  bottom: [],
};
