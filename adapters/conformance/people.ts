import type { FixtureName } from './fixtures.js';

/** What people do on an engine beside Signalbox, with its own means. */
export interface People {
  /**
   * Puts a workflow there under this name, ready to be run, and with this label (a tag where the key is `tag`). Answers the
   * text of a reference to it.
   */
  offer(fixture: FixtureName, name: string, label?: { key: string; value: string }): Promise<string>;
  /** Starts a run of what was offered, by hand. Answers the engine's own id of it, as `listBorn` tells it. */
  start(reference: string): Promise<string>;
}
