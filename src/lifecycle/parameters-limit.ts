/** Bytes of the effective parameters of a run as answers show them: a page of runs, each event of one and each claim carry them. */
export const PARAMETERS_LIMIT_BYTES = 262_144;
