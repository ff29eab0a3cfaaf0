/** Logs of a real engine through Signalbox: how soon a line is seen, how much memory a long one takes, what is left of it later. */
import { readFileSync } from 'node:fs';
import { median, type Figure } from '../bench/figure.js';
import { MachineProbe, residentBytes } from '../bench/machine-probe.js';
import type { Body } from '../support/api.js';
import { until } from '../support/until.js';
import { EngineStage } from './engine-stage.js';
import type { Measure } from './measure.js';

const LONG_MS = 900_000;
const LINES = 30;
const MEGABYTE = 1_000_000;
const LOG_BYTES = 200 * MEGABYTE;
const PAGE_BYTES = 8 * 1024 * 1024;
/** Long lines: engines take lines apart, and none of them is what this measures. */
const LONG_LINE = `${'a long line of a long log '.repeat(39)}end`;

export async function taskLogs({ engine, say }: Measure): Promise<Figure[]> {
  const stage = await EngineStage.start(engine);
  try {
    const figures = [...(await lineDelays(stage)), ...(await longLog(stage, say)), await firstAttempt(stage)];
    return engine.loseTask === undefined ? figures : [...figures, await afterTheTask(stage)];
  } finally {
    await stage.close();
  }
}

/** Each line is the moment it was written, on the machine's clock since its start: a container has the same one. */
async function lineDelays(stage: EngineStage): Promise<Figure[]> {
  const title = 'ticking';
  await stage.storeTask(title, {
    run: `i=0; while [ $i -lt ${LINES} ]; do cut -d' ' -f1 /proc/uptime; i=$((i+1)); sleep 0.5; done`,
  });
  const id = await stage.startRun(title);
  const taskRun = await onlyTaskRun(stage, id);
  const probe = new MachineProbe([]);
  const delays: number[] = [];
  for await (const text of follow(stage, taskRun)) {
    const now = uptime();
    for (const line of text.split('\n')) if (/^\d+\.\d+$/.test(line.trim())) delays.push(now - Number(line));
  }
  if (delays.length !== LINES) throw new Error(`${delays.length} of ${LINES} lines were seen`);
  const figure = (name: string, value: number): Figure => ({
    figure: `${name} ${stage.engine.name}`,
    unit: 's after it was written',
    value,
    goal: { of: 'value', at: 'most', is: 2 },
    details: { delays: delays.map((delay) => Math.round(delay * 100) / 100) },
    machine: probe.report(),
  });
  return [figure('first line', delays[0] ?? Infinity), figure('line, median', median(delays))];
}

/** What the events of a followed log bring, until its last one. */
async function* follow(stage: EngineStage, taskRun: number): AsyncGenerator<string> {
  const response = await fetch(`${stage.api.url}/v1/task-runs/${taskRun}/logs`, {
    headers: { accept: 'text/event-stream' },
  });
  if (response.status !== 200 || !response.body) throw new Error(`the log was answered ${response.status}`);
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      if (/^event: end$/m.test(event)) return;
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield (JSON.parse(data) as { text: string }).text;
    }
  }
}

async function longLog(stage: EngineStage, say: (line: string) => void): Promise<Figure[]> {
  const title = 'long-log';
  await stage.storeTask(title, { run: `yes '${LONG_LINE}' | head -c ${LOG_BYTES}` });
  const id = await stage.startRun(title);
  await stage.reaches(id, 'COMPLETED', LONG_MS);
  say('a long log is written');
  const taskRun = await onlyTaskRun(stage, id);
  const { pid = 0 } = stage.process('api').child;
  await readLog(stage, taskRun, 2);
  const before = residentBytes(pid) ?? Number.NaN;
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, residentBytes(pid) ?? 0)), 50);
  const probe = new MachineProbe([]);
  const began = performance.now();
  const bytes = await readLog(stage, taskRun).finally(() => clearInterval(watch));
  const seconds = (performance.now() - began) / 1000;
  return [
    {
      figure: `long log ${stage.engine.name}`,
      unit: 'MB of 200',
      value: bytes / MEGABYTE,
      goal: { of: 'value', at: 'least', is: LOG_BYTES / MEGABYTE },
      details: { mb_per_second: Math.round(bytes / MEGABYTE / seconds), seconds: Math.round(seconds) },
      machine: probe.report(),
    },
    {
      figure: `memory beside it ${stage.engine.name}`,
      unit: 'MB more',
      value: (most - before) / MEGABYTE,
      goal: { of: 'value', at: 'most', is: 100 },
      details: { before_mb: Math.round(before / MEGABYTE) },
      machine: probe.report(),
    },
  ];
}

/** Bytes of all pages, or of the first `pages`; nothing of them is kept. */
async function readLog(stage: EngineStage, taskRun: number, pages = Infinity): Promise<number> {
  let path: string | undefined = `/v1/task-runs/${taskRun}/logs?limit=${PAGE_BYTES}`;
  let bytes = 0;
  for (let page = 0; path !== undefined && page < pages; page++) {
    const response: Response = await fetch(new URL(path, stage.api.url), { headers: { accept: 'text/plain' } });
    if (response.status !== 200 || !response.body) {
      throw new Error(`a page was answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    }
    for await (const chunk of response.body) bytes += chunk.length;
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return bytes;
}

async function firstAttempt(stage: EngineStage): Promise<Figure> {
  const title = 'tried-twice';
  await stage.storeTask(title, {
    run: 'echo "attempt $SIGNALBOX_ATTEMPT"; test "$SIGNALBOX_ATTEMPT" -gt 1',
    retry: { max: 1, delay: '1s' },
  });
  const id = await stage.startRun(title);
  await stage.reaches(id, 'COMPLETED', LONG_MS);
  const taskRun = await onlyTaskRun(stage, id);
  const logs: string[] = [];
  for (const attempt of [1, 2]) {
    const { text } = await stage.api.get(`/task-runs/${taskRun}/logs?attempt=${attempt}`, {
      headers: { accept: 'text/plain' },
    });
    logs.push(text);
  }
  return {
    figure: `attempts with their own log ${stage.engine.name}`,
    unit: 'of 2',
    value: logs.filter((log, index) => log === `attempt ${index + 1}\n`).length,
    goal: { of: 'value', at: 'least', is: 2 },
    details: { logs: logs.map((log) => log.slice(0, 200)) },
    machine: new MachineProbe([]).report(),
  };
}

/** The log as it was, from an archive, or an answer that says why it is gone: anything else is a miss. */
async function afterTheTask(stage: EngineStage): Promise<Figure> {
  const title = 'gone';
  await stage.storeTask(title, { run: 'echo still here' });
  const id = await stage.startRun(title);
  const run = await stage.reaches(id, 'COMPLETED', LONG_MS);
  const taskRun = await onlyTaskRun(stage, id);
  await stage.engine.loseTask?.(String(run['external_id']));
  const { status, text, body } = await stage.api.get(`/task-runs/${taskRun}/logs`, {
    headers: { accept: 'text/plain, application/problem+json' },
  });
  const sound = (status === 200 && text === 'still here\n') || (status === 410 && typeof body['reason'] === 'string');
  return {
    figure: `log after the task is gone ${stage.engine.name}`,
    unit: 'sound answers',
    value: sound ? 1 : 0,
    goal: { of: 'value', at: 'least', is: 1 },
    details: { status, text: text.slice(0, 500) },
    machine: new MachineProbe([]).report(),
  };
}

/** Of a workflow of one task, once it has begun. */
async function onlyTaskRun(stage: EngineStage, run: number): Promise<number> {
  const items = await until(
    async () => (await stage.api.get(`/workflow-runs/${run}/task-runs`)).body.items,
    (taskRuns: Body[]) => taskRuns.length > 0,
    LONG_MS,
  );
  return items[0]?.id ?? 0;
}

/** Seconds since this machine was started. */
function uptime(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}
