import { LIFECYCLE_REQUESTS } from './lifecycle-event.js';
import { answerRequest, type Requestable } from './request-answer.js';
import { RUN_STATES, RUN_STATE_TABLE, type RunState } from './run-state.js';

/** The sections of docs/lifecycle.md that are drawn from the tables of the code, by their name. */
export function lifecycleSections(): Record<'states' | 'diagram' | 'requests', string> {
  return { states: stateTable(), diagram: diagram(), requests: requestTable() };
}

function stateTable(): string {
  const rows = RUN_STATES.map((state) => {
    const { meaning, movedBy, afterCrash, final } = RUN_STATE_TABLE[state];
    return [`\`${state}\``, `${final ? 'final: ' : ''}${meaning}`, movedBy, afterCrash];
  });
  return table(['state', 'meaning', 'who moves a run out of it', 'if a process dies here'], rows);
}

function diagram(): string {
  const arrows = RUN_STATES.flatMap((from) => RUN_STATE_TABLE[from].moves.map((to) => `  ${from} --> ${to}`));
  return ['```mermaid', 'stateDiagram-v2', '  [*] --> PENDING', ...arrows, '  COMPLETED --> [*]', '```'].join('\n');
}

/** In generation 1 (RETRYING: 2), on an engine that can pause. */
function requestTable(): string {
  const words = { accepted: '202', unchanged: '200', refused: '409' } as const;
  const rows = RUN_STATES.map((state) => [
    `\`${state}\``,
    ...LIFECYCLE_REQUESTS.map((type) => words[answerRequest(typical(state), type, BOTH).answer]),
  ]);
  return table(['state', ...LIFECYCLE_REQUESTS], rows);
}

const BOTH = { pause: 'native', resume: 'native' } as const;

function typical(state: RunState): Requestable {
  const desired = state === 'CANCELLING' ? 'cancelled' : state === 'PAUSED' ? 'paused' : 'run';
  return {
    state,
    desired,
    generation: state === 'RETRYING' ? 2 : 1,
    execution: { outcome: 'known', pauseSent: false },
  };
}

function table(head: string[], rows: string[][]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
