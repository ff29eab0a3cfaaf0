/** One figure of the benchmark: what was measured, beside its floor and what the machine did meanwhile. */
import type { MachineReport } from './machine-probe.js';

export interface Figure {
  figure: string;
  unit: string;
  /** Median of the rounds. */
  value: number;
  /** The same work without Signalbox, median of the rounds between. */
  floor?: number;
  /** value / floor. */
  ratio?: number;
  goal: { of: 'value' | 'ratio'; at: 'least' | 'most'; is: number };
  /** More of the same run, for people who look closer. */
  details?: Record<string, unknown>;
  machine: MachineReport;
}

export function isReached({ goal, value, ratio }: Figure): boolean {
  const reached = goal.of === 'ratio' ? (ratio ?? Number.NaN) : value;
  return goal.at === 'least' ? reached >= goal.is : reached <= goal.is;
}

/** One JSON line. */
export function toLine(figure: Figure): string {
  return JSON.stringify({ ...figure, reached: isReached(figure) });
}

/** The figures for people. */
export function toTable(figures: readonly Figure[]): string {
  const rows = figures.map((one) => [
    one.figure,
    `${rounded(one.value)} ${one.unit}`,
    one.floor === undefined ? '' : `${rounded(one.floor)} ${one.unit}`,
    one.ratio === undefined ? '' : one.ratio.toFixed(2),
    `${one.goal.at === 'least' ? '>=' : '<='} ${one.goal.is}${one.goal.of === 'ratio' ? ' of the floor' : ` ${one.unit}`}`,
    isReached(one) ? 'reached' : 'MISSED',
    `${one.machine.busy ? 'busy' : 'quiet'}, ${one.machine.slower.toFixed(1)} x the time`,
  ]);
  const all = [['figure', 'Signalbox', 'floor', 'ratio', 'goal', '', 'machine'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const toText = (row: string[]): string => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return all.map((row) => `${toText(row).trimEnd()}\n`).join('');
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
