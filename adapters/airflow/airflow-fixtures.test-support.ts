import { NOISY_LINES } from '../conformance/fixtures.js';
import type { FixtureName } from '../conformance/fixtures.js';

/** One text for Airflow 2 and 3. */
const HEAD = `
import time
from datetime import datetime, timedelta, timezone
try:
    from airflow.sdk import DAG, get_current_context, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task
    from airflow.operators.python import get_current_context

def parameter(name):
    return get_current_context()["dag_run"].conf[name]

def push(name, value):
    get_current_context()["ti"].xcom_push(key=name, value=value)

def attempt(name):
    number = get_current_context()["ti"].try_number
    print(f"attempt {number} of {name}")
    return number

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
with DAG(dag_id="SIGNALBOX_DAG_ID", schedule=None, start_date=START, catchup=False):
`;

/** A task that runs the lines of \`body\`. */
function task(name: string, body: string[], options = ''): string {
  return [`@task${options}`, `def ${name}():`, ...body.map((line) => `    ${line}`)].join('\n');
}

const say = (name: string): string => task(name, [`print("${name}")`]);
const HOLD = task('hold', ['print("holding", flush=True)', 'time.sleep(600)']);
const flaky = (options = ''): string =>
  task('flaky', ['if attempt("flaky") < 2:', '    raise RuntimeError("planned failure")'], options);

const BODIES: Record<FixtureName, string[]> = {
  linear: [say('first'), say('second'), say('third'), 'first() >> second() >> third()'],
  diamond: [
    task('top', ['push("value", 7)', 'push("signalbox.outputs", {"value": 7})']),
    say('left'),
    say('right'),
    say('bottom'),
    'top() >> [left(), right()] >> bottom()',
  ],
  failing: [
    say('first'),
    task('broken', ['raise ValueError("planned failure")']),
    say('after'),
    'first() >> broken() >> after()',
  ],
  'failing-once': [
    task('first', ['attempt("first")']),
    flaky(),
    task('last', ['attempt("last")']),
    'first() >> flaky() >> last()',
  ],
  retrying: [flaky('(retries=1, retry_delay=timedelta(0))'), 'flaky()'],
  sleeping: [HOLD, say('after'), 'hold() >> after()'],
  'sleeping-aside': [HOLD, say('aside'), 'hold()', 'aside()'],
  waiting: [task('slow', ['time.sleep(1.5)']), say('after'), 'slow() >> after()'],
  'fan-out': [
    task('items', ['return parameter("items")']),
    '@task\ndef work(item):\n    push("item", item)',
    'work.expand(item=items())',
  ],
  'echo-params': [
    task('echo', [
      'given = {name: parameter(name) for name in ("text", "value")}',
      'for name, value in given.items():',
      '    push(name, value)',
      'push("signalbox.outputs", given)',
    ]),
    'echo()',
  ],
  noisy: [
    task('chatter', [
      `for number in range(1, ${NOISY_LINES + 1}):`,
      `    print(f"line {number} of ${NOISY_LINES}, as chatter says it")`,
    ]),
    'chatter()',
  ],
};

export function airflowFixture(fixture: FixtureName): string {
  const lines = BODIES[fixture].join('\n\n').split('\n');
  return HEAD + lines.map((line) => `    ${line}\n`).join('');
}

const PRINTED = new RegExp(`^(attempt \\d+ of \\w+|line \\d+ of ${NOISY_LINES}, as chatter says it|holding)$`);
/** How Airflow 2 begins each line. */
const PREFIX = /^\[[^\]]*\] \{[^}]*\} [A-Z]+ - /;

export function printedLines(log: string): string {
  const lines = log.split('\n').map((line) => line.replace(PREFIX, ''));
  return lines
    .filter((line) => PRINTED.test(line))
    .map((line) => `${line}\n`)
    .join('');
}
