import { describe, expect, test } from '@jest/globals';
import { toApiProblem } from './api-problem.js';

const TITLE = 'The request contains invalid values';

describe('a problem document says each thing once', () => {
  test.each([
    {
      reason: 'a detail that is the sentence of an item gives way to the title',
      detail: 'A title is needed.',
      errors: [{ pointer: '/title', code: 'required', message: 'A title is needed.' }],
      says: [`${TITLE} (validation-failed).`, '/title: A title is needed.'],
    },
    {
      reason: 'also where it says more than that, as the place in a text',
      detail: 'the definition lacks "apiVersion". (line 1)',
      errors: [{ pointer: '', line: 1, code: 'missing', message: 'the definition lacks "apiVersion".' }],
      says: [`${TITLE} (validation-failed).`, 'line 1: the definition lacks "apiVersion".'],
    },
    {
      reason: 'a parameter that the sentence begins with is not put in front of it',
      detail: 'limit must not be greater than 1000.',
      errors: [{ parameter: 'limit', code: 'max', message: 'limit must not be greater than 1000.' }],
      says: [`${TITLE} (validation-failed).`, 'limit must not be greater than 1000.'],
    },
    {
      reason: 'a detail of its own stays',
      detail: 'The cursor cannot be used.',
      errors: [{ parameter: 'cursor', code: 'bad-cursor', message: 'It is not a cursor of this service.' }],
      says: ['The cursor cannot be used (validation-failed).', 'cursor: It is not a cursor of this service.'],
    },
    { reason: 'without items it is all there is', detail: 'No.', errors: [], says: ['No (validation-failed).'] },
    { reason: 'and without a detail the title is', errors: [], says: [`${TITLE} (validation-failed).`] },
  ])('$reason', ({ says, ...document }) => {
    const { message, items } = toApiProblem(422, { title: TITLE, code: 'validation-failed', ...document });
    expect([message, ...items]).toEqual(says);
  });
});
