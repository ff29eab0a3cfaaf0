import type { WorkflowRun } from './api-types.js';
import type { ApiClient } from './api-client.js';
import type { Paint } from './paint.js';
import { renderRunTree } from './render-run-tree.js';
import { changeLine, changeRecord, runChanges } from './run-changes.js';
import { followRun } from './run-follower.js';
import type { RunView } from './run-view.js';
import { safeJson } from './safe-text.js';
import type { OutputStream } from './terminal.js';

export interface LiveViewOptions {
  stream: OutputStream;
  paint: Paint;
  /** Whether the stream is a terminal that can be drawn over. */
  inPlace: boolean;
  /** One JSON object per change instead of anything for people. */
  json: boolean;
}

const REDRAW_MS = 200;

/**
 * Shows a run until it has ended, and returns it: a tree drawn over itself on a terminal, else one line per change.
 * Throws as `followRun` does; the terminal is left in order then, too.
 */
export async function showRun(api: ApiClient, id: number, options: LiveViewOptions): Promise<WorkflowRun> {
  const view = options.json ? new RecordView(options) : options.inPlace ? new TreeView(options) : new LineView(options);
  let last: RunView | undefined;
  try {
    for await (const seen of followRun(api, id)) {
      last = seen;
      view.show(seen);
    }
  } finally {
    view.close();
  }
  if (last === undefined) throw new Error('a followed run is seen at least once');
  return last.run;
}

/** The tree, redrawn in place: again with every look, and in between so that durations run on. */
class TreeView {
  #view: RunView | undefined;
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: LiveViewOptions) {}

  show(view: RunView): void {
    this.#view = view;
    this.#timer ??= setInterval(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    if (!this.#view) return;
    const { stream, paint } = this.options;
    const lines = renderRunTree(this.#view, {
      paint,
      now: new Date(),
      columns: stream.columns || 80,
      maxLines: Math.max(4, (stream.rows || 24) - 2),
    });
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    // Without wrapping (?7l) while drawing: a line that is wider than thought must not become two.
    const text = lines.map((line) => `\u001b[2K${line}\n`).join('');
    stream.write(`${up}\r\u001b[?7l${text}\u001b[J\u001b[?7h`);
    this.#drawn = lines.length;
  }
}

/** One line per change: for files, CI logs, and screen readers. */
class LineView {
  #before: RunView | undefined;

  constructor(private readonly options: LiveViewOptions) {}

  show(view: RunView): void {
    const now = new Date();
    if (view.lost && this.#before?.lost !== true) this.options.stream.write('connection lost, trying again\n');
    for (const change of runChanges(this.#before?.run, view.run)) {
      this.options.stream.write(`${changeLine(change, now)}\n`);
    }
    this.#before = view;
  }

  close(): void {
    this.#before = undefined;
  }
}

class RecordView {
  #before: RunView | undefined;

  constructor(private readonly options: LiveViewOptions) {}

  show(view: RunView): void {
    for (const change of runChanges(this.#before?.run, view.run)) {
      const record = changeRecord(change);
      if (record) this.options.stream.write(`${safeJson(record)}\n`);
    }
    this.#before = view;
  }

  close(): void {
    this.#before = undefined;
  }
}
