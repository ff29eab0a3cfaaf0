import { readdirSync } from 'node:fs';

const FOLDER = new URL('../', import.meta.url);

/** Every file directly in scripts/engines is an engine; what they share lies in folders. */
export const KNOWN_ENGINES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.replace(/\.js$/, ''))
  .sort();

/** The end of what a command says of itself. */
export const ENGINES_TO_NAME = `Engines: ${KNOWN_ENGINES.join(', ')}, or all of them.\n`;

/** Those that a command names; all of them for none, and for "all". */
export function enginesNamed(names) {
  return names.length === 0 || names.includes('all') ? KNOWN_ENGINES : names;
}

/** A sentence about the engines that are not known; nothing when all are. */
export function unknownEngines(names) {
  const unknown = enginesNamed(names).filter((name) => !KNOWN_ENGINES.includes(name));
  return unknown.length === 0 ? undefined : `There is no engine ${unknown.join(', ')}.`;
}

export async function loadEngine(name) {
  return (await import(new URL(`${name}.js`, FOLDER).href)).engine;
}
