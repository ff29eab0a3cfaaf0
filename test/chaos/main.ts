/** `npm run chaos`: progress on stderr, the seed first; the summary on stdout. */
import { describeViolations } from '../support/checker.js';
import { runChaos, type ChaosSummary } from './chaos.js';
import { ChaosOptionsRefused, HELP, readChaosOptions } from './chaos-options.js';

/** Violations that are printed one by one. */
const SHOWN = 50;

// Clients of a chaos that was stopped may still be waiting.
process.exit(await main(process.argv.slice(2)));

async function main(args: string[]): Promise<number> {
  const signal = untilSignal();
  try {
    const options = readChaosOptions(args, Date.now() % 1_000_000);
    if (options === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    process.stderr.write(`SEED=${options.seed}\n`);
    const began = performance.now();
    const say = (line: string): void => {
      const seconds = Math.round((performance.now() - began) / 1000);
      process.stderr.write(`${String(seconds).padStart(4)} s  ${line}\n`);
    };
    const summary = await runChaos(options, say, signal);
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : toText(summary));
    return summary.violations.length > 0 ? 1 : 0;
  } catch (error) {
    if (signal.aborted) {
      process.stderr.write('stopped by a signal: nothing was compared\n');
      return 130;
    }
    if (!(error instanceof ChaosOptionsRefused)) throw error;
    process.stderr.write(`${error.message}\n${HELP}`);
    return 2;
  }
}

/** Processes and files of a chaos go with it, however it is ended. */
function untilSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

function toText(summary: ChaosSummary): string {
  const { violations, lost, doubled, illegal } = summary;
  const more = violations.length > SHOWN ? [`and ${violations.length - SHOWN} more`] : [];
  return [
    ...(violations.length > 0 ? ['the checker found:', describeViolations(violations.slice(0, SHOWN)), ...more] : []),
    `seed      ${summary.seed}`,
    `runs      ${summary.runs}: ${list(summary.ends)}`,
    ...(summary.tasks > 0 ? [`tasks     ${summary.tasks} attempts begun on the local engine`] : []),
    `kills     ${list(summary.kills)}; ${summary.failedStarts} starts repeated`,
    `faults    ${list(summary.faults)}`,
    `requests  ${summary.requests}, ${summary.repeats} of them repeated`,
    `verdict   lost ${lost}, doubled ${doubled}, illegal ${illegal}`,
    `seconds   ${summary.seconds}`,
    '',
  ].join('\n');
}

function list(counts: Record<string, number>): string {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${name} ${count}`).join(', ');
}
