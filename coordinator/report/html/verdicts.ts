/** The tables of verdicts: a row a metric, a table a variant and cell. */

import type { ComparisonRow } from '../../../protocol/comparison-record.ts';
import { headlineMetricOf } from '../../../protocol/scenario.ts';
import { metrics } from '../../judge/metrics.ts';
import { conditionsKey } from '../../judge/pairs.ts';
import { boundedFigure, conditionsText, difference, figure, interval, percent, plural } from '../figures.ts';
import type { ConditionsStory, Story } from '../story.ts';
import { verdictSigns } from '../words.ts';
import { list, table } from './markup-parts.ts';

export function verdictTables({ comparison, reading }: Story, { conditions }: ConditionsStory): string {
  const key = conditionsKey(conditions);
  const rows = comparison.rows.filter((row) => conditionsKey(row.cell) === key);
  const headline = headlineMetricOf(reading.scenario);
  return [...new Set(rows.map(({ variant }) => variant))]
    .map((variant) =>
      variantTable(
        rows.filter((row) => row.variant === variant),
        comparison.baseline,
        headline,
      ),
    )
    .join('\n');
}

function variantTable(rows: readonly ComparisonRow[], baseline: string, headline: string): string {
  const [first] = rows;
  const html = table({
    caption: `${first.variant} against ${baseline}: ${conditionsText(first.cell)}`,
    className: 'cards',
    header: [
      'Metric',
      baseline,
      first.variant,
      'Difference',
      `${percent(first.confidence)} interval`,
      'Blocks',
      'Verdict',
    ],
    rowClasses: rows.map(({ metric }) => (metric === headline ? 'headline' : '')),
    rows: rows.map((row) => [
      { text: metrics[row.metric].title, head: true },
      number(boundedFigure(row.metric, row.baselineMedian, row.baselineLimitedBy)),
      number(boundedFigure(row.metric, row.median, row.limitedBy)),
      number(difference(row.ratio)),
      number(interval(row)),
      number(String(row.blocks)),
      { text: verdictSigns[row.verdict], className: `verdict ${row.verdict}` },
    ]),
  });
  const notes = groupedNotes(rows);
  return notes.length === 0 ? html : `${html}<div class="quiet">${list(notes)}</div>`;
}

/** A note that several metrics share is said once. */
export function groupedNotes(rows: readonly ComparisonRow[]): string[] {
  const titles = new Map<string, string[]>();
  for (const { metric, moreBlocks, notes } of rows) {
    const more =
      moreBlocks === null ? [] : [`about ${plural(moreBlocks, 'more block')} would probably decide it`];
    const text = [...notes, ...more].join('; ');
    if (text !== '') titles.set(text, [...(titles.get(text) ?? []), metrics[metric].title]);
  }
  return [...titles].map(([text, all]) => `${all.join('; ')}: ${text}`);
}

function number(text: string) {
  return { text, className: 'number' };
}

export function thresholdTable({ comparison }: Story): string {
  return table({
    caption: 'Each holds for the median over blocks of the worst cell',
    header: ['Variant', 'Metric', 'At least', 'At most', 'Measured', 'State'],
    rows: comparison.thresholds.map(({ metric, variant, min, max, value, holds }) => [
      { text: variant, head: true },
      metrics[metric].title,
      number(min === null ? '–' : figure(metric, min)),
      number(max === null ? '–' : figure(metric, max)),
      number(figure(metric, value)),
      { text: holds ? '✓ holds' : '✗ broken', className: holds ? 'holds' : 'broken' },
    ]),
  });
}
