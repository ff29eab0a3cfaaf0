/** The fixtures as portable definitions: for every engine that takes `signalbox/v1` and runs processes of this machine. */
import type { DefinitionText } from '../spi/engine-adapter.js';
import type { FixtureName } from './fixtures.js';

const HOLD = { run: 'echo holding; exec sleep 600' };
const COUNTED = (task: string, then: string): string => `echo "attempt $SIGNALBOX_ATTEMPT of ${task}"; ${then}`;
/** Writes what arrived in its environment, a text and a JSON text. */
const ECHO = `
  const { writeFileSync } = require('node:fs');
  const outputs = process.env.SIGNALBOX_DIR + '/outputs/';
  writeFileSync(outputs + 'text', JSON.stringify(process.env.TEXT));
  writeFileSync(outputs + 'value', process.env.VALUE);`;

const PORTABLE_FIXTURES: Record<FixtureName, object> = {
  linear: {
    tasks: {
      first: { run: 'echo first' },
      second: { run: 'echo second', needs: ['first'] },
      third: { run: 'echo third', needs: ['second'] },
    },
  },
  diamond: {
    tasks: {
      top: { run: 'echo 7 > "$SIGNALBOX_DIR/outputs/value"', outputs: { value: { type: 'integer' } } },
      left: { run: 'true', needs: ['top'] },
      right: { run: 'true', needs: ['top'] },
      bottom: { run: 'true', needs: ['left', 'right'] },
    },
    outputs: { value: '${{ tasks.top.outputs.value }}' },
  },
  failing: {
    tasks: {
      first: { run: 'true' },
      broken: { run: 'exit 3', needs: ['first'] },
      after: { run: 'true', needs: ['broken'] },
    },
  },
  'failing-once': {
    tasks: {
      first: { run: COUNTED('first', 'true') },
      flaky: { run: COUNTED('flaky', 'test "$SIGNALBOX_ATTEMPT" -ge 2'), needs: ['first'] },
      last: { run: COUNTED('last', 'true'), needs: ['flaky'] },
    },
  },
  retrying: {
    tasks: {
      flaky: { run: COUNTED('flaky', 'test "$SIGNALBOX_ATTEMPT" -ge 2'), retry: { max: 1, delay: '0s' } },
    },
  },
  sleeping: { tasks: { hold: HOLD, after: { run: 'true', needs: ['hold'] } } },
  'sleeping-aside': { tasks: { hold: { ...HOLD, allowFailure: true }, aside: { run: 'true' } } },
  waiting: { tasks: { slow: { run: 'sleep 1.5' }, after: { run: 'true', needs: ['slow'] } } },
  'fan-out': {
    params: { items: { type: 'array' } },
    tasks: {
      work: {
        foreach: { items: '${{ params.items }}' },
        env: { ITEM: '${{ item }}' },
        run: 'echo "$ITEM" > "$SIGNALBOX_DIR/outputs/item"',
        outputs: { item: { type: 'integer' } },
      },
    },
  },
  'echo-params': {
    params: { text: { type: 'string' }, value: { type: 'object' } },
    tasks: {
      echo: {
        command: [process.execPath, '-e', ECHO],
        env: { TEXT: '${{ params.text }}', VALUE: '${{ params.value }}' },
        outputs: { text: { type: 'string' }, value: { type: 'object' } },
      },
    },
    outputs: { text: '${{ tasks.echo.outputs.text }}', value: '${{ tasks.echo.outputs.value }}' },
  },
  noisy: {
    tasks: {
      chatter: {
        run: 'n=1; while [ $n -le 3000 ]; do echo "line $n of 3000, as chatter says it"; n=$((n+1)); done',
      },
    },
  },
};

export function portableFixture(fixture: FixtureName): DefinitionText {
  return { format: 'signalbox/v1', text: definitionText(fixture, PORTABLE_FIXTURES[fixture]) };
}

/** Refused by every engine: a task needs one that is not there. */
export const REFUSED_PORTABLE: DefinitionText = {
  format: 'signalbox/v1',
  text: definitionText('refused', { tasks: { one: { run: 'true', needs: ['nobody'] } } }),
};

function definitionText(name: string, body: object): string {
  return JSON.stringify({ apiVersion: 'signalbox/v1', kind: 'Workflow', name, ...body });
}
