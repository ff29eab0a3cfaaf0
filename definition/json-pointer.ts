/** RFC 6901 pointer of a path into a document. */
export function toPointer(path: readonly (string | number)[]): string {
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The path of a pointer. */
export function fromPointer(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A path as people read it: `tasks.load.args[0]`; `the definition` for the whole. */
export function fieldName(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'the definition';
  return path.reduce<string>((text, segment) => {
    if (/^[0-9]+$/.test(String(segment))) return `${text}[${segment}]`;
    return text === '' ? String(segment) : `${text}.${segment}`;
  }, '');
}
