/** `report.md`: the same story as the page, for pull requests and for reading in a terminal. Tables only, no charts. */

import type { Comparison, ComparisonRow } from '../../protocol/comparison-record.ts';
import { metrics } from '../judge/metrics.ts';
import { conditionsKey } from '../judge/pairs.ts';
import { environmentRows } from './environment.ts';
import { boundedFigure, conditionsText, difference, figure, interval, percent, plural } from './figures.ts';
import { modelCaption, modelCells, modelExplains, modelHeader, modelReasons } from './model-words.ts';
import type { Story } from './story.ts';

export function markdown(story: Story): string {
  const { reading, comparison } = story;
  const { scenario, run } = reading;
  return [
    `# ${plain(scenario.name)}`,
    ...(scenario.question === undefined ? [] : [`**${plain(scenario.question)}**`]),
    plain(comparison.answer),
    `Run \`${run.run}\`, ${run.state}. Baseline: \`${comparison.baseline}\`. ${story.limits.map(sentence).join(' ')}`,
    ...comparisonSections(comparison),
    ...thresholdSection(comparison),
    ...modelSection(comparison),
    `## Coverage\n\n${list(story.coverage)}`,
    unmeasuredSection(story),
    environmentSection(reading.environment),
    '## How to read it\n\n' +
      'A difference is the variant over the baseline, paired by block, with its confidence interval. *better* and *worse*: the ' +
      'interval excludes no difference, also when all comparisons are counted. *equivalent*: the interval lies within the ' +
      `smallest difference that matters (${percent(scenario.smallestDifference)}). *inconclusive*: neither; the notes say what would ` +
      'decide it. “≥” and “≤” mark bounds: the load generator, not the server, was the limit.',
  ]
    .join('\n\n')
    .concat('\n');
}

function comparisonSections({ rows, baseline }: Comparison): string[] {
  const groups = new Map<string, ComparisonRow[]>();
  for (const row of rows) {
    const key = `${conditionsKey(row.cell)} ${row.variant}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group;
    const notes = group.flatMap((row) => row.notes.map((note) => `${metrics[row.metric].title}: ${note}`));
    return [
      `## ${first.variant} against ${baseline}`,
      conditionsText(first.cell),
      table(
        [
          'metric',
          baseline,
          first.variant,
          'difference',
          `${percent(first.confidence)} interval`,
          'blocks',
          'verdict',
        ],
        group.map((row) => [
          metrics[row.metric].title,
          boundedFigure(row.metric, row.baselineMedian, row.baselineLimitedBy),
          boundedFigure(row.metric, row.median, row.limitedBy),
          difference(row.ratio),
          interval(row),
          String(row.blocks),
          row.moreBlocks === null
            ? row.verdict
            : `${row.verdict} (about ${plural(row.moreBlocks, 'more block')})`,
        ]),
      ),
      ...(notes.length === 0 ? [] : [list(notes)]),
    ].join('\n\n');
  });
}

function thresholdSection({ thresholds }: Comparison): string[] {
  if (thresholds.length === 0) return [];
  const rows = thresholds.map(({ metric, variant, min, max, value, holds }) => [
    variant,
    metrics[metric].title,
    min === null ? '–' : figure(metric, min),
    max === null ? '–' : figure(metric, max),
    figure(metric, value),
    holds ? 'holds' : '**broken**',
  ]);
  return [`## Thresholds\n\n${table(['variant', 'metric', 'min', 'max', 'worst cell', 'state'], rows)}`];
}

function modelSection({ model }: Comparison): string[] {
  if (model.length === 0) return [];
  const reasons = modelReasons(model);
  return [
    `## On more cores (modelled)\n\n${modelExplains(model)} ${modelCaption}.\n\n${table(modelHeader, model.map(modelCells))}`,
    ...(reasons.length === 0 ? [] : [list(reasons)]),
  ];
}

function unmeasuredSection({ unmeasured }: Story): string {
  const body =
    unmeasured.length === 0
      ? 'Nothing: every field of every trial was measured.'
      : table(
          ['field', 'variant', 'trials', 'why'],
          unmeasured.map(({ field, variant, trials, reason }) => [field, variant, String(trials), reason]),
        );
  return `## What was not measured\n\n${body}`;
}

function environmentSection(environment: unknown): string {
  const rows = environmentRows(environment);
  const body =
    rows.length === 0
      ? 'It was not recorded.'
      : table(
          ['setting', 'value'],
          rows.map(({ path, value }) => [path, value]),
        );
  return `## Environment\n\n${body}`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${plain(item)}`).join('\n');
}

const cell = (text: string): string => plain(text).replaceAll('|', '\\|');

/** Text from outside must not become markup, nor HTML in a reader that allows it. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_<>[\]]/g, '\\$&');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
