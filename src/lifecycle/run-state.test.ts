import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ACTIVE_RUN_STATES,
  FINAL_RUN_STATES,
  isAllowedMove,
  isFinal,
  RUN_STATES,
  RUN_STATE_TABLE,
} from './run-state.js';

describe('the state table', () => {
  test('every state says what it means, who moves a run out of it, and what brings it on after a crash', () => {
    for (const { meaning, movedBy, afterCrash } of Object.values(RUN_STATE_TABLE)) {
      expect(meaning).toMatch(/\w/);
      expect(movedBy).toMatch(/\w/);
      expect(afterCrash).toMatch(/\S/);
    }
  });

  test('the moves are these, and no others', () => {
    expect(Object.fromEntries(RUN_STATES.map((state) => [state, RUN_STATE_TABLE[state].moves.join(' ')]))).toEqual({
      PENDING: 'SCHEDULED RUNNING PAUSED COMPLETED FAILED CANCELLING CANCELLED',
      SCHEDULED: 'RUNNING PAUSED COMPLETED FAILED CANCELLING CANCELLED',
      RUNNING: 'SCHEDULED PAUSED COMPLETED FAILED CANCELLING CANCELLED',
      PAUSED: 'PENDING SCHEDULED RUNNING COMPLETED FAILED CANCELLING CANCELLED',
      RETRYING: 'SCHEDULED RUNNING PAUSED COMPLETED FAILED CANCELLING CANCELLED',
      CANCELLING: 'CANCELLED COMPLETED FAILED',
      COMPLETED: '',
      FAILED: 'RETRYING PENDING',
      CANCELLED: 'RETRYING PENDING',
    });
  });

  test('COMPLETED, FAILED and CANCELLED are final, all others are active', () => {
    expect(FINAL_RUN_STATES).toEqual(['COMPLETED', 'FAILED', 'CANCELLED']);
    expect(ACTIVE_RUN_STATES).toEqual(['PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING']);
    expect(RUN_STATES.filter(isFinal)).toEqual(FINAL_RUN_STATES);
  });

  test('final states are left by a retry alone, and COMPLETED by nothing', () => {
    for (const state of RUN_STATES.filter(isFinal)) {
      expect(RUN_STATE_TABLE[state].moves).toEqual(state === 'COMPLETED' ? [] : ['RETRYING', 'PENDING']);
    }
  });

  test('every state can be reached and every active one can end', () => {
    fc.assert(
      fc.property(fc.constantFrom(...RUN_STATES), (state) => {
        expect(state === 'PENDING' || RUN_STATES.some((from) => isAllowedMove(from, state))).toBe(true);
        if (!isFinal(state)) expect(RUN_STATE_TABLE[state].moves.some((to) => isFinal(to))).toBe(true);
      }),
    );
  });
});
