/**
 * `report.html`: one file that needs nothing else, neither network nor script. The answer first, then what it rests on,
 * then what it does not.
 */

import type { Verdict } from '../../../protocol/comparison-record.ts';
import { headlineMetricOf } from '../../../protocol/scenario.ts';
import type { Conditions } from '../../judge/pairs.ts';
import { environmentRows } from '../environment.ts';
import { conditionsText, percent, plural, varyingFactors } from '../figures.ts';
import { escapeMarkup } from '../markup.ts';
import type { ConditionsStory, Story } from '../story.ts';
import { chartSections } from './charts/chart-sections.ts';
import { htmlDocument } from './document.ts';
import { details, list, section, table } from './markup-parts.ts';
import { modelSection } from './model-section.ts';
import { thresholdTable, verdictTables } from './verdicts.ts';

/** Charts of more cells than this make a page nobody scrolls; tables have them all. */
const mostCharted = 12;

export function page(story: Story): string {
  const { scenario } = story.reading;
  const title = scenario.question ?? scenario.name;
  return htmlDocument({
    title: scenario.name,
    headerHtml: header(story, title),
    mainHtml: body(story),
    footerHtml:
      'Made by Stampede from <code>trials.jsonl</code>, <code>histograms/</code> and <code>environment.json</code> of this run folder; <code>stampede report</code> makes it anew.',
  });
}

function header({ comparison, reading, limits }: Story, title: string): string {
  const { scenario, run, trials } = reading;
  const facts = [
    `Run ${run.run}: ${run.state}`,
    ...(run.startedAt ? [run.startedAt.slice(0, 16).replace('T', ' ').concat(' UTC')] : []),
    `baseline ${comparison.baseline}`,
    `${plural(new Set(trials.map(({ block }) => block)).size, 'block')}, ${plural(trials.length, 'trial')} of ${scenario.measuredSeconds} s`,
    ...limits,
  ];
  const broken = comparison.thresholds.filter(({ holds }) => !holds).length;
  const state =
    broken === 0 ? '' : `<p class="broken">✗ ${plural(broken, 'threshold is', 'thresholds are')} broken</p>`;
  return `<p class="kicker">Stampede · ${escapeMarkup(scenario.name)}</p>
<h1>${escapeMarkup(title)}</h1>
<p class="answer ${headlineVerdict({ comparison, reading })}">${escapeMarkup(comparison.answer)}</p>
${state}
<ul class="facts">${facts.map((fact) => `<li>${escapeMarkup(fact)}</li>`).join('')}</ul>`;
}

/** The colour of the answer: that of its verdict, when there is one for all it speaks of. */
function headlineVerdict({ comparison, reading }: Pick<Story, 'comparison' | 'reading'>): Verdict {
  const headline = headlineMetricOf(reading.scenario);
  const verdicts = new Set(
    comparison.rows.filter(({ metric }) => metric === headline).map(({ verdict }) => verdict),
  );
  const [only] = verdicts;
  return verdicts.size === 1 ? only : 'inconclusive';
}

function body(story: Story): string {
  const { comparison, conditions, coverage, reading } = story;
  return [
    section('verdicts', 'What came out', verdicts(story)),
    ...(comparison.thresholds.length === 0
      ? []
      : [section('thresholds', 'Thresholds', thresholdTable(story))]),
    ...(conditions.length === 0 ? [] : [section('charts', 'What was measured', charts(story))]),
    ...(comparison.model.length === 0
      ? []
      : [section('model', 'On more cores: modelled, not measured', modelSection(comparison))]),
    section('coverage', 'Coverage', coverageHtml(story, coverage)),
    section('unmeasured', 'What was not measured', unmeasured(story)),
    section('environment', 'Environment', environment(reading.environment)),
    section('reading', 'How to read it', howToRead(story)),
  ].join('\n');
}

function verdicts(story: Story): string {
  if (story.comparison.rows.length === 0) return '<p>Nothing was compared.</p>';
  const headings = headingsOf(story.conditions);
  return story.conditions.map((one, index) => `${headings[index]}${verdictTables(story, one)}`).join('\n');
}

function charts(story: Story): string {
  const shown = story.conditions.slice(0, mostCharted);
  const headings = headingsOf(story.conditions);
  const html = shown.map((one, index) => `${headings[index]}${chartSections(story, one, `c${index + 1}`)}`);
  const hidden = story.conditions.length - shown.length;
  if (hidden > 0)
    html.push(
      `<p class="quiet">${plural(hidden, 'further cell')} are in the tables above, without charts.</p>`,
    );
  return html.join('\n');
}

/** Only what tells the cells apart; with one cell there is nothing to tell. */
function headingsOf(stories: readonly ConditionsStory[]): string[] {
  const all: readonly Conditions[] = stories.map(({ conditions }) => conditions);
  const varying = varyingFactors(all);
  return all.map((conditions) =>
    varying.length === 0 ? '' : `<h3>${escapeMarkup(conditionsText(conditions, varying))}</h3>`,
  );
}

function coverageHtml({ reading }: Story, coverage: readonly string[]): string {
  const html = list(coverage.map(sentence));
  if (reading.attempts.length === 0) return html;
  const attempts = table({
    caption: 'Attempts that were not committed',
    header: ['Trial', 'Attempt', 'Why', 'Samples kept'],
    rows: reading.attempts
      .slice(0, 100)
      .map(({ trial, attempt, reason, samples }) => [
        { text: trial, head: true },
        String(attempt),
        reason,
        String(samples.length),
      ]),
  });
  return `${html}${attempts}`;
}

function unmeasured(story: Story): string {
  if (story.unmeasured.length === 0) return '<p>Nothing: every field of every trial was measured.</p>';
  return table({
    caption: 'Fields that are null in trials.jsonl, and why; never counted as zero',
    header: ['Field', 'Variant', 'Trials', 'Why'],
    rows: story.unmeasured.map(({ field, variant, trials, reason }) => [
      { text: field, head: true },
      variant,
      String(trials),
      reason,
    ]),
  });
}

function environment(recorded: unknown): string {
  const rows = environmentRows(recorded);
  if (rows.length === 0) return '<p>It was not recorded.</p>';
  const whole = table({
    caption: 'Everything in environment.json',
    header: ['Setting', 'Value'],
    className: 'environment',
    rows: rows.map(({ path, value }) => [{ text: path, head: true }, value]),
  });
  return details(`${plural(rows.length, 'setting')} as recorded when the run began`, whole);
}

function howToRead({ reading }: Story): string {
  const { smallestDifference, confidence } = reading.scenario;
  const rows = [
    [
      '▲ better, ▼ worse',
      'the interval excludes “no difference”, also after correction for all comparisons of its family; on ten blocks or more',
    ],
    [
      '≈ equivalent',
      `the interval lies within what was declared not to matter: ${percent(smallestDifference)} either way`,
    ],
    [
      '~ inconclusive',
      'neither: more blocks may decide it, and the notes say about how many, or what stands in the way',
    ],
    ['≥, ≤', 'a bound: the load generator or the network, not the server, was the limit'],
    [
      `${percent(confidence)} interval`,
      'of the ratio variant : baseline, paired by block; trimmed mean of the logarithms, bootstrap-t',
    ],
    [
      'p50, p99',
      'half, or 99 of 100, connections were at least as fast; from merged histograms, never averaged',
    ],
    ['Accept fairness', "Jain's index: 1 when every core accepts as many, 1 / cores when one takes all"],
  ];
  return table({
    caption: 'Words and signs; docs/method.md has the whole method',
    header: ['Sign', 'Meaning'],
    rows: rows.map(([sign, meaning]) => [{ text: sign, head: true }, meaning]),
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
