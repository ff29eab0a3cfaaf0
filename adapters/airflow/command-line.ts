/** What a command wrote, among the lines of Airflow: `signalbox 3| text`, or `signalbox 3\ "text"` as JSON. Pure. */
const WRITTEN = /(?:^|\s)signalbox \d+([|\\])(?: ([^]*))?$/;

/** The line of the command; undefined for a line of Airflow's own. */
export function commandLine(line: string): string | undefined {
  const [, form, text = ''] = WRITTEN.exec(line) ?? [];
  if (form === undefined) return undefined;
  if (form === '|') return text;
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'string' ? read : text;
  } catch {
    // A line that Airflow has cut.
    return text;
  }
}
