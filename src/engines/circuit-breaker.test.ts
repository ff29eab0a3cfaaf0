import { beforeEach, describe, expect, test } from '@jest/globals';
import { CircuitBreaker } from './circuit-breaker.js';

describe('CircuitBreaker', () => {
  let now: number;
  let breaker: CircuitBreaker;
  beforeEach(() => {
    now = 5_000;
    breaker = new CircuitBreaker(() => now);
  });
  const fail = (times: number): void => {
    for (let i = 0; i < times; i++) breaker.failed();
  };

  test('four failures in a row are weather, the fifth opens it for a second', () => {
    fail(4);
    expect(breaker.remainingMs()).toBe(0);
    fail(1);
    expect(breaker.remainingMs()).toBe(1_000);
  });

  test('a success in between starts the count again', () => {
    fail(4);
    breaker.succeeded();
    fail(4);
    expect(breaker.remainingMs()).toBe(0);
  });

  test('calls that were under way when it opened do not make the pause longer', () => {
    fail(16);
    expect(breaker.remainingMs()).toBe(1_000);
  });

  test('after the pause one call alone is let through', () => {
    fail(5);
    now += 1_000;
    expect(breaker.remainingMs()).toBe(0);
    breaker.enter();
    expect(breaker.remainingMs()).toBeGreaterThan(0);
  });

  test('a trial that works closes it', () => {
    fail(5);
    now += 1_000;
    breaker.enter();
    breaker.succeeded();
    expect(breaker.remainingMs()).toBe(0);
    fail(4);
    expect(breaker.remainingMs()).toBe(0);
  });

  test('every trial that fails doubles the pause, to half a minute at most', () => {
    fail(5);
    const pauses = Array.from({ length: 7 }, () => {
      now += breaker.remainingMs();
      breaker.enter();
      fail(1);
      return breaker.remainingMs();
    });
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('the word of the engine opens it at once, and a shorter one does not shorten it', () => {
    breaker.failed(20_000);
    breaker.failed(3_000);
    expect(breaker.remainingMs()).toBe(20_000);
  });

  test('a health check that works closes it before its time', () => {
    fail(5);
    breaker.succeeded();
    expect(breaker.remainingMs()).toBe(0);
  });
});
