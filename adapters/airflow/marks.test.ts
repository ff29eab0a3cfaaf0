import { describe, expect, test } from '@jest/globals';
import {
  confOf,
  isSameMarker,
  markerOf,
  runStoppedAt,
  stoppedTry,
  withBoundStop,
  withRunStop,
  withTaskStop,
} from './marks.js';

const AT = new Date('2026-01-01T10:00:00.000Z');
const LATER = new Date('2026-01-01T11:00:00.000Z');
/** As Airflow writes it. */
const START = '2026-01-01T09:00:00.123456+00:00';
const MARKER = { installationId: 'here', key: 'sb-x-g1', contentDigest: 'abc' };

describe('the marker in conf', () => {
  test('comes back whole beside parameters of any name', () => {
    const parameters = JSON.parse('{"__proto__":1,"constructor":2,"x":3}') as Record<string, number>;
    const conf = confOf(parameters, MARKER, '7');
    expect(markerOf(conf)).toEqual(MARKER);
    expect(JSON.stringify(conf)).toContain('"__proto__":1,"constructor":2,"x":3');
  });

  test.each([
    ['nothing', undefined],
    ['no object', 'text'],
    ['another shape', { __signalbox: ['x'] }],
    ['a part of it', { __signalbox: { installation_id: 'here', key: 'sb-x-g1' } }],
  ])('is none where there is %s', (_reason, conf) => {
    expect(markerOf(conf)).toBeUndefined();
  });

  test('is ours only if all of it matches', () => {
    const others = [{ installationId: 'there' }, { key: 'sb-y-g1' }, { contentDigest: 'def' }];
    expect(isSameMarker(MARKER, { ...MARKER })).toBe(true);
    expect(others.map((other) => isSameMarker({ ...MARKER, ...other }, MARKER))).toEqual([false, false, false]);
    expect(isSameMarker(undefined, MARKER)).toBe(false);
  });
});

describe('the note of a stop', () => {
  test('leaves what people wrote, and tells when', () => {
    const note = withRunStop('look at this', AT);
    expect(runStoppedAt(note, START)).toEqual(AT);
    expect(note).toMatch(/^look at this \[/);
    expect(runStoppedAt(null, START)).toBeUndefined();
  });

  test('bound to a start counts for it alone, until another stop', () => {
    const bound = withBoundStop(withRunStop('look at this', AT), AT, START);
    expect(runStoppedAt(bound, START)).toEqual(AT);
    expect(runStoppedAt(bound, 'never begun, ended never')).toBeUndefined();
    expect(runStoppedAt(withRunStop(bound, LATER), 'never begun, ended never')).toEqual(LATER);
    expect(bound.match(/signalbox/g)).toHaveLength(1);
  });

  test('repeated, stands once and tells the last time', () => {
    const note = withRunStop(withRunStop(null, AT), LATER);
    expect(runStoppedAt(note, START)).toEqual(LATER);
    expect(note.match(/signalbox/g)).toHaveLength(1);
  });

  test('fits into what Airflow takes', () => {
    const note = withRunStop('x'.repeat(1_000), AT);
    expect(note).toHaveLength(1_000);
    expect(runStoppedAt(note, START)).toEqual(AT);
  });

  test('of a task names the try', () => {
    expect(stoppedTry(withTaskStop('mine', 3))).toBe(3);
    expect(stoppedTry('mine')).toBeUndefined();
    expect(stoppedTry(null)).toBeUndefined();
  });
});
