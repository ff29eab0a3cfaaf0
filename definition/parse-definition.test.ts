import { describe, expect, test } from '@jest/globals';
import type { Diagnostic } from './definition-types.js';
import { parseDefinition, withPositions } from './parse-definition.js';

const HEADER = 'apiVersion: signalbox/v1\nkind: Workflow\nname: w\n';

/** Line counts from the first line after the header. */
function brief({ severity, code, pointer, line }: Diagnostic): string {
  return `${severity === 'error' ? '' : 'warning '}${code} ${pointer} line ${(line ?? 0) - 3}`;
}

describe('what is wrong with a definition is said at its place', () => {
  test.each([
    {
      reason: 'a typing error',
      body: 'tasks:\n  a: {run: x, retri: {}}',
      found: ['unknown-field /tasks/a/retri line 2'],
    },
    { reason: 'no tasks', body: 'title: t', found: ['missing-field  line -2'] },
    { reason: 'empty tasks', body: 'tasks: {}', found: ['empty-field /tasks line 1'] },
    { reason: 'no kind', body: 'tasks:\n  a: {title: x}', found: ['task-kind /tasks/a line 2'] },
    { reason: 'two kinds', body: 'tasks:\n  a: {run: x, wait: 1s}', found: ['task-kind /tasks/a line 2'] },
    {
      reason: 'arguments of no command',
      body: 'tasks: {a: {run: x, args: [y]}}',
      found: ['args-without-command /tasks/a line 1'],
    },
    {
      reason: 'a name that engines cannot take',
      body: 'tasks: {A_b: {run: x}}',
      found: ['bad-name /tasks/A_b line 1'],
    },
    {
      reason: 'a segment that references need',
      body: 'tasks: {a.outputs: {run: x}}',
      found: ['bad-name /tasks/a.outputs line 1'],
    },
    {
      reason: 'a task and a group of one name',
      body: 'tasks: {a: {run: x}, a.b: {run: x, needs: [a]}}',
      found: ['group-and-task /tasks/a.b line 1'],
    },
    {
      reason: 'one name on engines without groups',
      body: 'tasks: {a.b: {run: x}, a-b: {run: x, needs: [a.b]}}',
      found: ['warning name-collision /tasks/a-b line 1'],
    },
    {
      reason: 'an id under finally again',
      body: 'tasks: {a: {run: x}}\nfinally: {a: {run: x}}',
      found: ['duplicate-id /finally/a line 2'],
    },
    {
      reason: 'no such need',
      body: 'tasks: {a: {run: x, needs: [b]}}',
      found: ['unknown-need /tasks/a/needs/0 line 1'],
    },
    { reason: 'itself', body: 'tasks: {a: {run: x, needs: [a]}}', found: ['self-need /tasks/a/needs/0 line 1'] },
    {
      reason: 'the same need twice',
      body: 'tasks: {a: {run: x}, b: {run: x, needs: [a, a]}}',
      found: ['duplicate-entry /tasks/b/needs line 1'],
    },
    {
      reason: 'waiting for a failure of nobody',
      body: 'tasks: {a: {run: x, trigger: any-failed}}',
      found: ['trigger-without-needs /tasks/a/trigger line 1'],
    },
    {
      reason: 'an unknown param',
      body: 'tasks: {a: {run: x, env: {A: "${{ params.p }}"}}}',
      found: ['unknown-param /tasks/a/env/A line 1'],
    },
    {
      reason: 'an unknown task',
      body: 'tasks: {a: {run: x, env: {A: "${{ tasks.b.state }}"}}}',
      found: ['unknown-task /tasks/a/env/A line 1'],
    },
    {
      reason: 'an unknown output',
      body: 'tasks:\n  a: {run: x, outputs: {o: {type: string}}}\n  b: {run: x, env: {A: "${{ tasks.a.outputs.p }}"}}',
      found: ['unknown-output /tasks/b/env/A line 3'],
    },
    {
      reason: 'its own result',
      body: 'tasks: {a: {run: x, env: {A: "${{ tasks.a.state }}"}}}',
      found: ['self-need /tasks/a/env/A line 1'],
    },
    {
      reason: 'no such form',
      body: 'tasks: {a: {command: ["${{ env.X }}"]}}',
      found: ['bad-reference /tasks/a/command/0 line 1'],
    },
    {
      reason: 'not closed',
      body: 'tasks: {a: {command: ["${{ run.id"]}}',
      found: ['bad-reference /tasks/a/command/0 line 1'],
    },
    {
      reason: 'a value in shell text would become code',
      body: 'params: {p: {type: string}}\ntasks: {a: {run: "echo ${{ params.p }}"}}',
      found: ['reference-in-shell /tasks/a/run line 2'],
    },
    {
      reason: 'an image by reference',
      body: 'tasks: {a: {command: [x], image: "${{ run.id }}"}}',
      found: ['reference-not-allowed /tasks/a/image line 1'],
    },
    {
      reason: 'an item of nothing',
      body: 'tasks: {a: {command: ["${{ item }}"]}}',
      found: ['item-outside-foreach /tasks/a/command/0 line 1'],
    },
    {
      reason: 'an item in its own list',
      body: 'tasks: {a: {run: x, foreach: {items: ["${{ item }}"]}}}',
      found: ['item-outside-foreach /tasks/a/foreach/items/0 line 1'],
    },
    {
      reason: 'the state of a run that goes on',
      body: 'tasks: {a: {command: ["${{ run.state }}"]}}',
      found: ['run-state /tasks/a/command/0 line 1'],
    },
    {
      reason: 'a result before any task ran',
      body: 'env: {A: "${{ tasks.a.state }}"}\ntasks: {a: {run: x}}',
      found: ['reference-not-allowed /env/A line 1'],
    },
    {
      reason: 'items that are no list',
      body: 'params: {n: {type: integer, default: 1}}\ntasks: {a: {run: x, foreach: {items: "${{ params.n }}"}}}',
      found: ['type-mismatch /tasks/a/foreach/items line 2'],
    },
    {
      reason: 'items of a text',
      body: 'tasks: {a: {run: x, foreach: {items: "1,2"}}}',
      found: ['items-not-a-list /tasks/a/foreach/items line 1'],
    },
    {
      reason: 'a hyphen in a condition',
      body: 'tasks: {a-b: {run: x}, c: {run: x, when: tasks.a-b.state == "COMPLETED"}}',
      found: [
        'when-hyphen /tasks/c/when line 1',
        'warning orphan-task /tasks/a-b line 1',
        'warning orphan-task /tasks/c line 1',
      ],
    },
    {
      reason: 'a condition on an unknown param',
      body: 'tasks: {a: {run: x, when: params.p}}',
      found: ['unknown-param /tasks/a/when line 1'],
    },
    {
      reason: 'a default of another type',
      body: 'params: {n: {type: integer, default: "1"}}\ntasks: {a: {command: ["${{ params.n }}"]}}',
      found: ['bad-default /params/n/default line 1'],
    },
    {
      reason: 'a default that its own pattern refuses',
      body: 'params: {n: {type: string, pattern: "^a+$", default: b}}\ntasks: {a: {command: ["${{ params.n }}"]}}',
      found: ['bad-default /params/n/default line 1'],
    },
    {
      reason: 'a choice of another type',
      body: 'params: {n: {type: integer, enum: [1, x]}}\ntasks: {a: {command: ["${{ params.n }}"]}}',
      found: ['bad-enum /params/n/enum/1 line 1'],
    },
    {
      reason: 'a pattern that could run for ever',
      body: `params: {n: {type: string, pattern: '(a)\\1'}}\ntasks: {a: {command: ["\${{ params.n }}"]}}`,
      found: ['bad-pattern /params/n/pattern line 1'],
    },
    {
      reason: 'no value fits',
      body: 'params: {n: {type: integer, minimum: 3, maximum: 2}}\ntasks: {a: {command: ["${{ params.n }}"]}}',
      found: ['empty-range /params/n/minimum line 1'],
    },
    {
      reason: 'an unknown keyword',
      body: 'params: {n: {type: integer, $ref: x}}\ntasks: {a: {command: ["${{ params.n }}"]}}',
      found: ['unknown-field /params/n/$ref line 1'],
    },
    {
      reason: 'a duration that is none',
      body: 'tasks: {a: {run: x, timeout: 5 minutes}}',
      found: ['bad-format /tasks/a/timeout line 1'],
    },
    {
      reason: 'no time at all',
      body: 'tasks: {a: {run: x, timeout: 0s}}',
      found: ['out-of-range /tasks/a/timeout line 1'],
    },
    {
      reason: 'an unknown choice',
      body: 'tasks: {a: {run: x, trigger: all-suceeded}}',
      found: ['not-allowed /tasks/a/trigger line 1'],
    },
    {
      reason: 'an output that refers to nothing',
      body: 'tasks: {a: {run: x}}\noutputs: {o: fixed}',
      found: ['output-without-reference /outputs/o line 2'],
    },
    {
      reason: 'a value and an artifact at once',
      body: 'tasks: {a: {run: x, outputs: {o: {type: string, artifact: file}}}}',
      found: ['output-kind /tasks/a/outputs/o line 1'],
    },
    {
      reason: 'a name the runner sets',
      body: 'tasks: {a: {run: x, env: {SIGNALBOX_DIR: /tmp}}}',
      found: ['warning reserved-name /tasks/a/env/SIGNALBOX_DIR line 1'],
    },
    {
      reason: 'nobody uses it',
      body: 'params: {p: {type: string}}\ntasks: {a: {run: x}}',
      found: ['warning unused-param /params/p line 1'],
    },
    {
      reason: 'nobody needs it',
      body: 'tasks:\n  a: {run: x}\n  b: {run: x, needs: [a]}\n  c: {run: x}',
      found: ['warning orphan-task /tasks/c line 4'],
    },
    {
      reason: 'an output of the run is a use',
      body: 'tasks:\n  a: {run: x, outputs: {o: {type: string}}}\n  b: {run: x, outputs: {o: {type: string}}}\noutputs: {x: "${{ tasks.a.outputs.o }}", y: "${{ tasks.b.outputs.o }}"}',
      found: [],
    },
    {
      reason: 'engine keys have one place',
      body: 'tasks: {a: {run: x}}\ntargets: {argo: {anything: [1]}}\nx-mine: 1',
      found: [],
    },
  ])('$reason', ({ body, found }) => {
    expect(parseDefinition(HEADER + body).diagnostics.map(brief)).toEqual(found);
  });

  test('a typing error names the field and what was probably meant', () => {
    const [first] = parseDefinition(`${HEADER}tasks: {load: {run: x, retri: {}}}`).diagnostics;
    expect(first?.message).toBe('tasks.load.retri is not known here; did you mean retry?');
  });

  test('a cycle is told with its path in the order of execution', () => {
    const body =
      'tasks:\n  a: {run: x, needs: [c]}\n  b: {run: x, needs: [a]}\n  c: {run: x, env: {X: "${{ tasks.b.state }}"}}';
    const { diagnostics } = parseDefinition(HEADER + body);
    expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ['cycle', 'Tasks wait for each other: a -> b -> c -> a.'],
    ]);
  });

  test('all problems come at once, in the order of the text', () => {
    const body =
      'title: 7\ntasks:\n  a: {needs: [zz], command: x}\n  b: {run: "${{ item }}"}\noutputs: {o: "${{ params.q }}"}';
    const codes = parseDefinition(HEADER + body).diagnostics.map(({ code }) => code);
    expect(codes).toEqual([
      'wrong-type',
      'unknown-need',
      'wrong-type',
      'reference-in-shell',
      'unknown-param',
      'orphan-task',
      'orphan-task',
    ]);
  });

  test('a problem known only by its pointer finds its line', () => {
    const text = `${HEADER}tasks:\n  a:\n    run: x\n    image: y\n`;
    const diagnostic: Diagnostic = { severity: 'warning', code: 'c', message: 'm', pointer: '/tasks/a/image' };
    expect(withPositions(text, [diagnostic])).toEqual([{ ...diagnostic, line: 7, column: 5 }]);
  });
});
