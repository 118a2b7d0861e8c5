/**
 * `junit.xml`, for CI: a test case a row and a threshold. A broken threshold fails; an undecided row is skipped. A row
 * that came out `worse` does not fail by itself: whether it may is for a threshold to say.
 */

import type { Comparison, ComparisonRow } from '../../protocol/comparison-record.ts';
import { boundedFigure, conditionsText, difference, figure, interval } from './figures.ts';
import { escapeMarkup } from './markup.ts';

export function junit(comparison: Comparison): string {
  const thresholds = comparison.thresholds.map(thresholdCase);
  const rows = comparison.rows.map((row) => rowCase(row, comparison.baseline));
  const failures = comparison.thresholds.filter(({ holds }) => !holds).length;
  const skipped = comparison.rows.filter(({ verdict }) => verdict === 'inconclusive').length;
  const suite = (name: string, cases: readonly string[], failed: number, passedOver: number) =>
    `  <testsuite name="${name}" tests="${cases.length}" failures="${failed}" errors="0" skipped="${passedOver}">\n${cases.join('')}  </testsuite>\n`;
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<testsuites name="${escapeMarkup(comparison.run)}" tests="${rows.length + thresholds.length}" failures="${failures}" errors="0" skipped="${skipped}">\n` +
    suite('thresholds', thresholds, failures, 0) +
    suite('comparison', rows, 0, skipped) +
    '</testsuites>\n'
  );
}

function thresholdCase({
  metric,
  variant,
  min,
  max,
  value,
  holds,
}: Comparison['thresholds'][number]): string {
  const wanted = [
    ...(min === null ? [] : [`at least ${figure(metric, min)}`]),
    ...(max === null ? [] : [`at most ${figure(metric, max)}`]),
  ].join(' and ');
  const message = `${metric} of ${variant} is ${figure(metric, value)}; wanted ${wanted}`;
  const body = holds ? '' : `      <failure type="threshold" message="${escapeMarkup(message)}"/>\n`;
  return testCase('threshold', `${variant}: ${metric} ${wanted}`, body);
}

function rowCase(row: ComparisonRow, baseline: string): string {
  const said =
    `${row.verdict}: ${boundedFigure(row.metric, row.median, row.limitedBy)} against ` +
    `${boundedFigure(row.metric, row.baselineMedian, row.baselineLimitedBy)}, ${difference(row.ratio)} (${interval(row)}), ` +
    `${row.blocks} blocks${row.notes.length === 0 ? '' : `; ${row.notes.join('; ')}`}`;
  const body =
    row.verdict === 'inconclusive'
      ? `      <skipped message="${escapeMarkup(said)}"/>\n`
      : `      <system-out>${escapeMarkup(said)}</system-out>\n`;
  return testCase(
    'comparison',
    `${row.variant} against ${baseline}: ${row.metric} (${conditionsText(row.cell)})`,
    body,
  );
}

function testCase(className: string, name: string, body: string): string {
  const open = `    <testcase classname="stampede.${className}" name="${escapeMarkup(name)}"`;
  return body === '' ? `${open}/>\n` : `${open}>\n${body}    </testcase>\n`;
}
