/** The charts of one set of conditions, in the order the questions come: how fast, how sure, how slow, at what cost. */

import { locationInterval, trimmed } from '../../../../measurement/location.ts';
import { seededRandom } from '../../../../measurement/random.ts';
import { median } from '../../../../measurement/statistics.ts';
import type { ComparisonRow } from '../../../../protocol/comparison-record.ts';
import { latencyNames } from '../../../../protocol/trial-record.ts';
import { leastPairs } from '../../../judge/judge.ts';
import { metrics } from '../../../judge/metrics.ts';
import { conditionsKey, limitOf } from '../../../judge/pairs.ts';
import { zoneOf } from '../../../judge/verdict.ts';
import { boundMark, difference, duration, interval, percent, ratioTickWords, scaled } from '../../figures.ts';
import { escapeMarkup } from '../../markup.ts';
import { ratioTicks } from '../../ratio-ticks.ts';
import type { ConditionsStory, Story, VariantStory } from '../../story.ts';
import { latencyTitles } from '../../words.ts';
import { figure } from '../markup-parts.ts';
import { type ColourName, seriesColour } from '../palette.ts';
import { acceptsDrawing, coreRows, modeDrawing, modes, scaledTick } from './cores.ts';
import { draw, drawTwice } from './draw.ts';
import { type IntervalRow, intervalDrawing } from './intervals.ts';
import { latencyDrawing } from './latency.ts';

type ColourOf = (variant: string) => ColourName;

export function chartSections(story: Story, conditions: ConditionsStory, prefix: string): string {
  const variants = story.reading.scenario.factors.variant;
  const colourOf: ColourOf = (variant) => seriesColour(variants.indexOf(variant));
  return [
    rates(story, conditions, prefix, colourOf),
    forest(story, conditions, prefix),
    latencies(conditions, prefix, colourOf),
    coreTimes(conditions, prefix),
    accepts(conditions, prefix, colourOf),
  ].join('\n');
}

function rates(
  { reading }: Story,
  { conditions, variants }: ConditionsStory,
  prefix: string,
  colourOf: ColourOf,
): string {
  const { confidence, seed } = reading.scenario;
  const rows = variants.flatMap(({ variant, trials }): IntervalRow[] => {
    const points = trials.map((trial) => trial.connectionsPerSecond).filter((rate) => rate > 0);
    const center = median(points);
    if (center === null) return [];
    const random = seededRandom(seed, `chart ${variant} ${conditionsKey(conditions)}`);
    const bounds =
      points.length < leastPairs ? null : locationInterval(points.map(Math.log), { confidence, random });
    // The same rule as for the tables' figures.
    const limit = limitOf(trials, metrics.connectionsPerSecond, Math.floor(trials.length * trimmed));
    const mark = boundMark('connectionsPerSecond', limit);
    return [
      {
        label: `${variant}\n${mark}${scaled(center)}`,
        center,
        low: bounds === null ? null : Math.exp(bounds.low),
        high: bounds === null ? null : Math.exp(bounds.high),
        points,
        colour: colourOf(variant),
        hollow: mark !== '',
      },
    ];
  });
  if (rows.length === 0) return '';
  const says = `Connections a second by variant, median over blocks: ${rows.map(({ label }) => label.replace('\n', ' ')).join('; ')}.`;
  return figure(
    'Connections a second',
    `Each dot is a block, the diamond their median, the bar its ${percent(confidence)} interval. Hollow: a lower bound, because something other than the server was the limit in more than one block in ten.`,
    drawTwice(`${prefix}-rate`, (width, size) => ({
      id: '',
      ...intervalDrawing(
        { says, rows, axisName: 'connections/s', tick: scaledTick, reference: null },
        width,
        size,
      ),
    })),
  );
}

function forest({ comparison, reading }: Story, { conditions }: ConditionsStory, prefix: string): string {
  const key = conditionsKey(conditions);
  const own = comparison.rows.filter((row) => conditionsKey(row.cell) === key && row.ratio !== null);
  if (own.length === 0) return '';
  const several = new Set(own.map(({ variant }) => variant)).size > 1;
  const rows = own.map((row) => forestRow(row, several));
  const zone = zoneOf(reading.scenario.smallestDifference);
  const says = `Difference from ${comparison.baseline}: ${own
    .map(
      (row) =>
        `${row.variant}, ${metrics[row.metric].title}: ${difference(row.ratio)}, ${interval(row)}, ${row.verdict}`,
    )
    .join('; ')}.`;
  return figure(
    `Difference from ${comparison.baseline}`,
    `The ratio of each metric, paired by block, with its ${percent(comparison.rows[0].confidence)} interval. Green is better, red worse, blue equivalent, hollow inconclusive; within the shaded zone a difference does not matter. The axis is logarithmic: twice and half are as far from the line.`,
    drawTwice(`${prefix}-ratio`, (width, size) => ({
      id: '',
      ...intervalDrawing(
        {
          says,
          rows,
          axisName: 'difference',
          tick: (log) => ratioTickWords(Number(Math.exp(log).toPrecision(9))),
          ticksIn: (least, most, wanted) => ratioTicks(Math.exp(least), Math.exp(most), wanted).map(Math.log),
          reference: { at: 0, low: Math.log(zone.low), high: Math.log(zone.high) },
        },
        width,
        size,
      ),
    })),
  );
}

/** In logarithms, as it was judged: one row that is fourteen times the baseline leaves the others room. */
function forestRow(row: ComparisonRow, several: boolean): IntervalRow {
  const { title } = metrics[row.metric];
  return {
    label: several ? `${row.variant}:\n${title}` : title,
    center: Math.log(row.ratio ?? 1),
    low: row.low === null ? null : Math.log(row.low),
    high: row.high === null ? null : Math.log(row.high),
    points: [],
    colour: row.verdict,
    hollow: row.verdict === 'inconclusive',
  };
}

function latencies({ variants }: ConditionsStory, prefix: string, colourOf: ColourOf): string {
  const charts = [...latencyNames].reverse().flatMap((name) => {
    const curves = variants.flatMap(({ variant, latencies: { [name]: histogram } }) =>
      histogram === null ? [] : [{ variant, histogram, colour: colourOf(variant) }],
    );
    if (curves.length === 0) return [];
    const figures = curves.map(({ variant, histogram }) => {
      const { p50, p99 } = histogram.summary();
      return `${variant} p50 ${duration(p50 ?? 0)}, p99 ${duration(p99 ?? 0)}`;
    });
    const says = `${latencyTitles[name]}, by percentile: ${figures.join('; ')}.`;
    const svg = draw({ id: `${prefix}-${name}`, ...latencyDrawing(says, curves) });
    return [`<div><h4>${escapeMarkup(latencyTitles[name])}</h4>${svg}</div>`];
  });
  if (charts.length === 0) return '';
  return figure(
    'Latency by percentile',
    'All blocks merged into one histogram a variant; both axes logarithmic, so the tail has room. Lower is better.',
    `<div class="pair">${charts.join('\n')}</div>`,
  );
}

function coreTimes({ variants }: ConditionsStory, prefix: string): string {
  const rows = variants.flatMap(({ variant, trials }) => [
    ...coreRows(variant, trials, 'server'),
    ...coreRows(variant, trials, 'generator'),
  ]);
  if (rows.length === 0) return '';
  const says = `Time of each core by mode: ${rows
    .map((row) => `${row.label}: ${modes.map((mode) => `${mode} ${percent(row[mode])}`).join(', ')}`)
    .join('; ')}.`;
  return figure(
    'What the cores did',
    'Share of the measured time by mode, mean over blocks; server cores, and those that made the load. A load core under 20 % idle makes figures bounds. What is missing to 100 % a hypervisor took.',
    drawTwice(`${prefix}-modes`, (width, size) => ({ id: '', ...modeDrawing(says, rows, width, size) })),
  );
}

function accepts({ variants }: ConditionsStory, prefix: string, colourOf: ColourOf): string {
  const rows = variants.flatMap(({ variant, trials }: VariantStory) =>
    coreRows(variant, trials, 'server')
      .filter(({ acceptsPerSecond }) => acceptsPerSecond !== null)
      .map((row) => ({ ...row, colour: colourOf(variant) })),
  );
  if (rows.length === 0) return '';
  const says = `Connections accepted a second by core: ${rows
    .map((row) => `${row.label}: ${scaled(row.acceptsPerSecond ?? 0)}`)
    .join('; ')}.`;
  return figure(
    'Accepts by core',
    'Connections each server core accepted, mean over blocks: bars of one length mean the work was shared evenly.',
    drawTwice(`${prefix}-accepts`, (width, size) => ({ id: '', ...acceptsDrawing(says, rows, width, size) })),
  );
}
