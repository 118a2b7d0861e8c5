/** What came out so far: the report's tables with each interval drawn, and how the headline's interval came about. */

import { metrics } from '../../../coordinator/judge/metrics.ts';
import type { Conditions } from '../../../coordinator/judge/pairs.ts';
import { leastBlocks, zoneOf } from '../../../coordinator/judge/verdict.ts';
import {
  boundedFigure,
  conditionsText,
  difference,
  interval,
  percent,
  plural,
} from '../../../coordinator/report/figures.ts';
import { verdictSigns } from '../../../coordinator/report/words.ts';
import type { Answer, CourseStep, RunOutline, VerdictLine } from '../../../protocol/live-page.ts';
import { courseChart } from '../charts/course-chart.ts';
import { type IntervalScale, intervalMark } from '../charts/row-marks.ts';
import { dataTable, type TableRow } from '../data-table.ts';
import { element, type Tree } from '../tree.ts';
import { conditionsWords, type Section, type View } from '../view.ts';

const markWidth = 150;
/** Two fit beside each other where there is room for two. */
const widestCourse = 590;

export const verdicts: Section = {
  id: 'verdicts',
  shows: (key) => ['run', 'answer', 'modelled'].includes(key) || /^(verdicts|course)\//.test(key),
  draw: (view, actions) => {
    const { documents, conditions } = view;
    const run = documents.get('run');
    if (run === undefined) return [];
    if (run.variants.length < 2)
      return [element('p', { class: 'quiet' }, 'One variant: nothing to compare.')];
    const lines = documents.at('verdicts', conditions) ?? [];
    const chooser = conditionsChooser(run, conditions, actions.chooseConditions);
    if (lines.length === 0)
      return [...chooser, element('p', { class: 'quiet' }, 'Nothing yet: judged after every block.')];
    const steps = documents.at('course', conditions) ?? [];
    const variants = [...new Set(lines.map(({ variant }) => variant))];
    return [
      ...interimNote(run, documents.get('answer')),
      ...chooser,
      ...variants.map((variant) =>
        table(
          run,
          conditions,
          lines.filter((line) => line.variant === variant),
        ),
      ),
      element(
        'p',
        { class: 'quiet' },
        `The line is “no difference”, the shaded zone what was declared not to matter (${percent(run.smallestDifference)}). A claim takes ${plural(leastBlocks, 'block')}.`,
      ),
      element(
        'div',
        { class: 'courses' },
        ...variants.map((variant) =>
          course(
            run,
            variant,
            steps.filter((step) => step.variant === variant),
            view,
          ),
        ),
      ),
      ...modelled(documents.get('modelled') ?? []),
    ];
  },
};

/** Below what was measured, and said to be none of it. */
function modelled(lines: readonly string[]): Tree[] {
  if (lines.length === 0) return [];
  return [
    element('h3', {}, 'On more cores'),
    element('ul', { class: 'modelled' }, ...lines.map((line) => element('li', {}, line))),
  ];
}

function interimNote(run: RunOutline, answer: Answer | undefined): Tree[] {
  if (answer === undefined || answer.isFinal) return [];
  const words = `Interim, on ${answer.blocks} of ${plural(run.blocks, 'block')}: no verdict is one before the run is over.`;
  return [element('p', { class: 'interim-note' }, words)];
}

/** Nothing when there is nothing to choose. */
export function conditionsChooser(run: RunOutline, chosen: number, choose: (place: number) => void): Tree[] {
  if (run.conditions.length < 2) return [];
  return [
    element(
      'p',
      { class: 'chooser' },
      element('label', { for: 'conditions' }, 'Verdicts, latencies and cores of '),
      element(
        'select',
        {
          id: 'conditions',
          onchange: (event: Event) => choose(Number((event.currentTarget as HTMLSelectElement).value)),
        },
        ...run.conditions.map((_, place) =>
          element('option', { value: place, selected: place === chosen }, conditionsWords(run, place)),
        ),
      ),
    ),
  ];
}

function table(run: RunOutline, conditions: number, lines: readonly VerdictLine[]): Tree {
  const [first] = lines;
  const scale = scaleOf(run, lines);
  return dataTable({
    caption: `${first.variant} against ${run.baseline}: ${conditionsText(run.conditions[conditions] as Conditions)}`,
    className: 'verdicts',
    columns: [
      { title: 'Metric' },
      { title: run.baseline, kind: 'number' },
      { title: first.variant, kind: 'number' },
      { title: 'Difference', kind: 'number' },
      { title: `${percent(first.confidence)} interval`, kind: 'number' },
      { title: '', kind: 'drawn' },
      { title: 'Blocks', kind: 'number' },
      { title: 'Verdict', kind: 'words' },
    ],
    groups: [{ rows: lines.map((line) => row(run, line, scale)) }],
  });
}

function row(run: RunOutline, line: VerdictLine, scale: IntervalScale): TableRow {
  const { metric, verdict, ratio, low, high } = line;
  const isHollow = verdict === 'inconclusive';
  return {
    attributes: { class: metric === run.headline ? 'headline' : null, 'data-metric': metric },
    cells: [
      metrics[metric].title,
      boundedFigure(metric, line.baselineMedian, line.baselineLimitedBy),
      boundedFigure(metric, line.median, line.limitedBy),
      difference(ratio),
      interval(line),
      intervalMark(scale, { ratio, low, high, colour: `var(--${verdict})`, isHollow }),
      String(line.blocks),
      { className: `verdict ${verdict}`, text: verdictSigns[verdict] },
    ],
  };
}

/** Wide enough for most rows; what is wider is cut off with an arrow, or one row would flatten the others. */
function scaleOf(run: RunOutline, lines: readonly VerdictLine[]): IntervalScale {
  const { low, high } = zoneOf(run.smallestDifference);
  const zone = { low: Math.log(low), high: Math.log(high) };
  const reaches = lines
    .flatMap(({ ratio, low, high }) => {
      const known = [ratio, low, high]
        .filter((value) => value !== null)
        .map((value) => Math.abs(Math.log(value)));
      return known.length === 0 ? [] : [Math.max(...known)];
    })
    .sort((one, other) => one - other);
  const most = reaches[Math.floor(reaches.length * 0.75)] ?? 0;
  return { width: markWidth, zone, reach: Math.min(Math.LN2, Math.max(2 * zone.high, 1.1 * most)) };
}

function course(run: RunOutline, variant: string, steps: readonly CourseStep[], view: View): Tree {
  const last = steps.findLast(({ ratio }) => ratio !== null);
  const title = `${variant} against ${run.baseline}, ${metrics[run.headline].title}: block by block`;
  if (last === undefined) return element('p', { class: 'quiet' }, `${title}: nothing measured yet.`);
  const says = `${title}: ${difference(last.ratio)} (${interval(last)}) after ${plural(last.block, 'block')}, ${last.verdict}.`;
  return element(
    'figure',
    {},
    element(
      'figcaption',
      {},
      element('strong', {}, title),
      'The interval after each block. It narrows as blocks are added.',
    ),
    courseChart({
      steps,
      blocks: run.blocks,
      zone: zoneOf(run.smallestDifference),
      width: Math.min(widestCourse, view.widthOf('verdicts')),
      says,
    }),
  );
}
