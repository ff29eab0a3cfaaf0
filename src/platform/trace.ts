/**
 * W3C trace context: read from a request, handed to what works for it, sent on to engines. It is an argument and no ambient
 * value: following every promise of the process would cost a fifth of a read.
 */
import { randomUUID } from 'node:crypto';

export interface Trace {
  /** 32 hexadecimal digits: the same in our answer, our log and at the engine. */
  traceId: string;
  /** Of our own span, 16 hexadecimal digits. */
  spanId: string;
  sampled: boolean;
}

/** Continues the trace of a `traceparent` header with a span of our own; begins one when there is none or it is malformed. */
export function continueTrace(traceparent: string | undefined): Trace {
  const parent = parseTraceparent(traceparent);
  return {
    traceId: parent?.traceId ?? randomHex(),
    spanId: randomHex().slice(16),
    sampled: parent?.sampled ?? false,
  };
}

/** The header for a call made on behalf of `trace`. */
export function makeTraceparent(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

/** Reads a `traceparent` header of any version; undefined when the specification says to ignore it. */
export function parseTraceparent(header: string | undefined): Trace | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header ?? '');
  if (!match) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

/** 32 digits. Node draws the bytes of many UUIDs at once: a tenth of what drawing them here costs each request. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}
