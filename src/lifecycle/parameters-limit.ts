/** Bytes of the effective parameters of a run, as answers show them: each page of runs repeats them. */
export const PARAMETERS_LIMIT_BYTES = 262_144;
