/** What a compiler makes of a `signalbox/v1` definition: files for the engine, how names are found again, and a report. */
import type { Construct } from '../../definition/constructs.js';
import type { Diagnostic } from '../../definition/definition-types.js';

/** `emulated` = done by code of ours on the engine; `ignored` = has no effect there; `refused` = no file is made. */
export type ConstructSupport = 'native' | 'emulated' | 'ignored' | 'refused';

/** `how` says what of the engine does it, or what to do instead. */
export interface SupportEntry {
  support: ConstructSupport;
  how: string;
}

/** What an engine does with everything that a definition can ask for. */
export type SupportTable = Readonly<Record<Construct, SupportEntry>>;

export interface ReportRow extends SupportEntry {
  construct: Construct;
  /** Where the definition uses it. */
  pointer: string;
}

export interface Compilation {
  /** None when an error is among the diagnostics. */
  files: { name: string; text: string }[];
  /** By the id of the task: what the engine calls it. */
  nameMap: Record<string, string>;
  report: ReportRow[];
  diagnostics: Diagnostic[];
}
