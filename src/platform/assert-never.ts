/** Ends a switch over a closed union: a new member does not compile until it is handled. */
export function assertNever(what: string, value: never): never {
  throw new Error(`${what}: unhandled ${JSON.stringify(value)}`);
}
