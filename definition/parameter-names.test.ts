import { expect, test } from '@jest/globals';
import { namedParameters, type ParameterNaming } from './parameter-names.js';

const one = (name: string, task?: string): ParameterNaming => ({
  env_variable_name: name,
  ...(task === undefined ? {} : { task_title: task }),
});

test.each<{ reason: string; parameters: ParameterNaming[]; names: string[] }>([
  { reason: 'none', parameters: [], names: [] },
  { reason: 'of the whole workflow', parameters: [one('SIZE')], names: ['SIZE'] },
  { reason: 'of a task, and no other has one of that name', parameters: [one('SIZE', 'load')], names: ['SIZE'] },
  {
    reason: 'of two tasks with different names',
    parameters: [one('SIZE', 'load'), one('MODE', 'clean')],
    names: ['SIZE', 'MODE'],
  },
  {
    reason: 'of two tasks with the same name, beside one that is alone',
    parameters: [one('SIZE', 'load'), one('MODE', 'clean'), one('SIZE', 'clean')],
    names: ['load.SIZE', 'MODE', 'clean.SIZE'],
  },
  {
    reason: 'of a task and of the whole workflow: the latter has no title to go by',
    parameters: [one('SIZE'), one('SIZE', 'clean')],
    names: ['SIZE', 'clean.SIZE'],
  },
  {
    reason: 'names of other case are other names',
    parameters: [one('size', 'a'), one('SIZE', 'b')],
    names: ['size', 'SIZE'],
  },
  { reason: 'a name that objects have too', parameters: [one('constructor', 'a')], names: ['constructor'] },
])('names of parameters: $reason', ({ parameters, names }) => {
  expect(namedParameters(parameters)).toEqual(parameters.map((parameter, index) => [names[index], parameter]));
});
