/**
 * The comparison as a table for a terminal, in the manner of benchstat: a line a metric, `~` where nothing can be said.
 *
 *   1 server core · 64 open at a time
 *   metric                      single-queue    reuseport   difference (95 % interval)     verdict
 *   connections/s                   ≥ 21.4 k     ≥ 22.9 k   +7.1 % (+5.2 % … +9.0 %)   ~   generator
 */

import type { Comparison, ComparisonRow, Verdict } from '../../protocol/comparison-record.ts';
import { metrics } from '../judge/metrics.ts';
import { conditionsKey } from '../judge/pairs.ts';
import { leastBlocks } from '../judge/verdict.ts';
import { boundedFigure, conditionsText, difference, interval, percent, plural } from './figures.ts';

export interface TableStyle {
  readonly colour: boolean;
  /** Columns of the terminal; columns of the table are left out where they do not fit. */
  readonly width: number;
}

const verdictColours: Readonly<Record<Verdict, string>> = {
  better: '32',
  worse: '31',
  equivalent: '36',
  inconclusive: '2',
};

export function comparisonTable(comparison: Comparison, style: TableStyle): string {
  const groups = new Map<string, ComparisonRow[]>();
  for (const row of comparison.rows) {
    const key = `${conditionsKey(row.cell)} ${row.variant}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const parts = [...groups.values()].map((rows) => groupTable(rows, comparison.baseline, style));
  const thresholds = comparison.thresholds.map((threshold) => thresholdLine(threshold, style));
  return [...parts, ...(thresholds.length > 0 ? [thresholds.join('\n')] : []), comparison.answer].join(
    '\n\n',
  );
}

function groupTable(rows: readonly ComparisonRow[], baseline: string, style: TableStyle): string {
  const [first] = rows;
  const header = [
    '',
    baseline,
    first.variant,
    `difference (${percent(first.confidence)} interval)`,
    'verdict',
    '',
  ];
  const lines = rows.map((row) => [
    metrics[row.metric].title,
    boundedFigure(row.metric, row.baselineMedian, row.baselineLimitedBy),
    boundedFigure(row.metric, row.median, row.limitedBy),
    row.ratio === null ? '–' : `${difference(row.ratio)} (${interval(row)})`,
    row.verdict === 'inconclusive' ? '~' : row.verdict,
    remark(row),
  ]);
  const widths = header.map((_, column) =>
    Math.max(...[header, ...lines].map((line) => width(line[column]))),
  );
  const render = (line: readonly string[], verdict: Verdict | null): string => {
    const cells = line.map((cell, column) =>
      column === 1 || column === 2
        ? cell.padStart(widths[column] + cell.length - width(cell))
        : column === line.length - 1
          ? cell
          : cell.padEnd(widths[column] + cell.length - width(cell)),
    );
    if (verdict !== null) cells[4] = paint(cells[4], verdictColours[verdict], style);
    const whole = widths.reduce((sum, one) => sum + one + 2, -2) <= style.width;
    return (whole ? cells : cells.slice(0, -1)).join('  ').trimEnd();
  };
  return [
    paint(conditionsText(first.cell), '1', style),
    paint(render(header, null), '2', style),
    ...rows.map((row, index) => render(lines[index], row.verdict)),
  ].join('\n');
}

/** The one thing to know beside the verdict. */
function remark(row: ComparisonRow): string {
  if (row.blocks === 0) return 'not measured';
  if (row.verdict !== 'inconclusive') return plural(row.blocks, 'block');
  if (row.limitedBy === 'generator' || row.baselineLimitedBy === 'generator') {
    if (metrics[row.metric].kind !== 'share') return 'generator was the limit';
  }
  if (row.moreBlocks !== null) return `~${plural(row.moreBlocks, 'more block')}`;
  if (row.blocks < leastBlocks) return `${plural(row.blocks, 'block')}, ${leastBlocks} wanted`;
  return plural(row.blocks, 'block');
}

function thresholdLine(threshold: Comparison['thresholds'][number], style: TableStyle): string {
  const { metric, variant, min, max, value, holds } = threshold;
  const bounds = [
    ...(min === null ? [] : [`at least ${boundedFigure(metric, min, 'server')}`]),
    ...(max === null ? [] : [`at most ${boundedFigure(metric, max, 'server')}`]),
  ].join(' and ');
  const state = paint(holds ? 'holds ' : 'BROKEN', holds ? '32' : '31', style);
  return `threshold ${state}  ${variant}: ${metrics[metric].title} ${boundedFigure(metric, value, 'server')}, wanted ${bounds}`;
}

function paint(text: string, code: string, { colour }: TableStyle): string {
  return colour && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Terminal columns; every character in use here takes one. */
function width(text: string): number {
  return [...text].length;
}
