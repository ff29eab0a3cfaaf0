/**
 * Text from a server or a task, made harmless for a terminal. Escape sequences could retitle the window, move the cursor
 * over what was printed before, or make a reader see another text than the one that is there.
 */

const COLOURS = /\u001b\[[0-9;:]*m/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const DIRECTION = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;

/** Several lines: line feeds and tabs stay, colours are dropped, every other control character becomes visible. */
export function safeText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(COLOURS, '').replace(CONTROLS, visible).replace(DIRECTION, named);
}

/** One line: as `safeText`, with line feeds and tabs made visible too. */
export function safeLine(text: string): string {
  return safeText(text).replaceAll('\n', '␊').replaceAll('\t', ' ');
}

/** JSON whose text holds no character that a terminal acts on; parsing it gives the same value. */
export function safeJson(value: unknown, indent?: number): string {
  const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return (JSON.stringify(value, null, indent) ?? 'null').replace(/[\u007f-\u009f]/g, escape).replace(DIRECTION, escape);
}

/** U+2400 and on are pictures of the C0 controls; the others have none. */
function visible(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : '\ufffd';
}

function named(char: string): string {
  return `<U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`;
}
