/** A diamond of ten tasks whose tasks write down when they begin and end: `begin|end RUN TASK ATTEMPT NANOSECONDS`. */
export const DIAMOND_TASKS: Record<string, string[]> = {
  top: [],
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`side-${index}`, ['top']])),
  bottom: Array.from({ length: 8 }, (_, index) => `side-${index}`),
};

/** `work` is shell text done between the two lines. */
export function diamond(name: string, work: string): string {
  const line = (word: string): string =>
    `echo ${word} "$SIGNALBOX_RUN_ID" "$SIGNALBOX_TASK" "$SIGNALBOX_ATTEMPT" "$(date +%s%N)" >> "$JOURNAL"`;
  const tasks = Object.entries(DIAMOND_TASKS).map(([id, needs]) => [
    id,
    { needs, run: [line('begin'), work, line('end')].join('\n') },
  ]);
  return JSON.stringify({
    apiVersion: 'signalbox/v1',
    kind: 'Workflow',
    name,
    params: { journal: { type: 'string' } },
    env: { JOURNAL: '${{ params.journal }}' },
    tasks: Object.fromEntries(tasks) as object,
  });
}

export interface JournalLine {
  word: 'begin' | 'end';
  run: string;
  task: string;
  attempt: number;
  at: bigint;
}

export function readJournal(text: string): JournalLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [word, run = '', task = '', attempt, at = '0'] = line.split(' ');
      return { word: word as JournalLine['word'], run, task, attempt: Number(attempt), at: BigInt(at) };
    });
}
