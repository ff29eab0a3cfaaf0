/** Ends a switch over a closed union: a new member fails the build here, and never passes silently at run time. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
