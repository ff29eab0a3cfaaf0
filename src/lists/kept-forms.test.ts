import { expect, test } from '@jest/globals';
import { KeptForms } from './kept-forms.js';

test('a form is kept from the third time on, under a name of its own', () => {
  const forms = new KeptForms('list.', 2);
  expect(['a', 'a', 'b', 'a', 'b', 'b', 'a'].map((text) => forms.nameOf(text))).toEqual([
    undefined,
    undefined,
    undefined,
    'list.1',
    undefined,
    'list.2',
    'list.1',
  ]);
});

test('once there are as many as may be, others are not kept', () => {
  const forms = new KeptForms('list.', 1);
  for (let time = 0; time < 9; time++) forms.nameOf('kept');
  expect([1, 2, 3, 4].map(() => forms.nameOf('late'))).toEqual([undefined, undefined, undefined, undefined]);
  expect(forms.nameOf('kept')).toBe('list.1');
});

test('forms that come once push out who has not come for the longest time, and nobody else', () => {
  const forms = new KeptForms('list.', 9);
  forms.nameOf('early');
  forms.nameOf('early');
  forms.nameOf('again');
  for (let form = 0; form < 150; form++) forms.nameOf(`once-${form}`);
  forms.nameOf('again');
  for (let form = 150; form < 300; form++) forms.nameOf(`once-${form}`);
  expect(forms.nameOf('early')).toBeUndefined();
  expect(forms.nameOf('again')).toBe('list.1');
});
