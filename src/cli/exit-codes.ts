/** What a client command ends with; documented in the README. Services add 78 (src/start-refused.ts). */
export const EXIT = {
  ok: 0,
  /** The workflow ran and did not complete. */
  workflowFailed: 1,
  /** The caller can correct it: flags, files, values, names. */
  input: 2,
  /** The service, the network or this machine is at fault. */
  infrastructure: 3,
  /** Ctrl-C, as shells expect it. A `run` that could cancel its run ends as that does. */
  interrupted: 130,
} as const;

export type ExitCode = number;

/** Of a run that reached `state`: only COMPLETED is a success. */
export function exitCodeOfState(state: string): ExitCode {
  return state === 'COMPLETED' ? EXIT.ok : EXIT.workflowFailed;
}

/** Of an HTTP answer that is an error. Time-outs and throttling are nobody's typing mistake, though they are 4xx. */
export function exitCodeOfStatus(status: number): ExitCode {
  if (status >= 500 || status === 408 || status === 429) return EXIT.infrastructure;
  return EXIT.input;
}
