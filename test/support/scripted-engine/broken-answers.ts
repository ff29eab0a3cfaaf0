/** Writes answers that nothing can be made of, one way per shape. */
import type { ServerResponse } from 'node:http';
import { SHAPE_MEANING } from '../../../adapters/conformance/broken-shapes.js';
import type { BrokenShape } from '../../../adapters/conformance/broken-shapes.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const MEBIBYTE = 1_048_576;
const HUGE_MEBIBYTES = 64;

type Writer = (response: ServerResponse, truth: Buffer) => void;

const WRITERS: Record<BrokenShape, Writer> = {
  empty: (response) => send(response, ''),
  html: (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Sign in</title><h1>Please sign in</h1>');
  },
  'cut-json': (response, truth) => send(response, half(truth)),
  'short-body': (response, truth) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': truth.length });
    response.write(half(truth), () => response.destroy());
  },
  huge: (response) => {
    response.writeHead(200, JSON_TYPE);
    response.write('{"padding":"');
    writeRepeatedly(response, Buffer.alloc(MEBIBYTE, 'x'), HUGE_MEBIBYTES);
  },
  deep: (response) => send(response, `{"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
  array: (response, truth) => send(response, `[${truth.toString()}]`),
  null: (response) => send(response, 'null'),
  'missing-fields': (response) => send(response, '{}'),
  'wrong-types': (response, truth) => send(response, JSON.stringify(retyped(JSON.parse(asJson(truth))))),
  'invalid-utf8': (response, truth) => {
    const text = asJson(truth);
    // Inside the first text value, so that only the encoding is wrong.
    const at = Math.max(text.indexOf('":"') + 3, 1);
    send(
      response,
      Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xc3, 0x28]), Buffer.from(text.slice(at))]),
    );
  },
  'other-key': (response, truth) => send(response, asJson(truth).replaceAll(/sb-[a-z2-7]{26}-g\d+/g, OTHER_KEY)),
};

/** The key of nobody's execution. */
export const OTHER_KEY = 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g1';

export function sendBroken(response: ServerResponse, shape: BrokenShape, truth: Buffer): void {
  if (!(shape in SHAPE_MEANING)) throw new Error(`no such shape: ${String(shape)}`);
  WRITERS[shape](response, truth);
}

function send(response: ServerResponse, body: string | Buffer): void {
  response.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function half(truth: Buffer): Buffer {
  return truth.subarray(0, Math.max(1, Math.floor(truth.length / 2)));
}

/** The true answer as JSON text; a log becomes one string. */
function asJson(truth: Buffer): string {
  const text = truth.toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify({ text });
  }
}

/** The same structure with every leaf of another type. */
function retyped(value: unknown): unknown {
  if (Array.isArray(value)) return { list: value.length };
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, retyped(entry)]));
  }
  return typeof value === 'string' ? 17 : { was: typeof value };
}

/** Stops when the reader has gone, so a careful reader costs little. */
function writeRepeatedly(response: ServerResponse, block: Buffer, left: number): void {
  if (response.destroyed) return;
  if (left === 0) {
    response.end('"}');
    return;
  }
  if (response.write(block)) setImmediate(() => writeRepeatedly(response, block, left - 1));
  else response.once('drain', () => writeRepeatedly(response, block, left - 1));
}
