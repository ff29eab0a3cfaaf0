/** What the scenarios need of an engine that is recorded. */
import type { FixtureName } from '../../../adapters/conformance/fixtures.js';
import type { People } from '../../../adapters/conformance/people.js';
import type { DefinitionText, EngineAdapter } from '../../../adapters/spi/engine-adapter.js';
import type { Places } from './clean-recording.js';
import type { Recorder } from './recorder.js';
import type { Dialect } from './recording.js';

/** Its own: nothing of another suite on the same engine is touched. */
export const INSTALLATION = 'recorded-installation';

export interface RecordingStage {
  dialect: Dialect;
  recorder: Recorder;
  /** A new adapter that reaches the engine through the recorder. */
  connect(): Promise<EngineAdapter>;
  native(fixture: FixtureName): DefinitionText;
  compiled(fixture: FixtureName): DefinitionText;
  /** Valid to us; the engine itself says no. */
  broken: DefinitionText;
  people: People;
  /** As if no Signalbox had been here. */
  forgetSentinel(): Promise<void>;
  places: Places;
  /** Takes away what people put there, and closes all. */
  close(): Promise<void>;
}
