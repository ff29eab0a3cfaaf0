/** What a write answers with, as it is stored under its key: a repeat gets the same bytes. */
export class Answer {
  constructor(
    readonly status: number,
    readonly location: string | undefined,
    /** Bytes of the JSON body; empty = no body. */
    readonly text: string,
    /** True when an earlier request made it. */
    readonly replayed: boolean,
  ) {}
}
