import type { Diagnostic } from './api-types.js';
import { safeLine } from './safe-text.js';

/** `FILE:line:col: error code: message`, as editors and CI systems read it. */
export function diagnosticLine(file: string, diagnostic: Diagnostic): string {
  const { severity, code, message, line = 1, column = 1 } = diagnostic;
  return safeLine(`${file}:${line}:${column}: ${severity} ${code}: ${message}`);
}
