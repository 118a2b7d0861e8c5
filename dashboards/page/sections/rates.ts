/** Connections a second over time, with what each variant came to beside it. */

import { middleRate } from '../../../coordinator/page/middle-rate.ts';
import { plural, scaled } from '../../../coordinator/report/figures.ts';
import type { RateSample, RunOutline } from '../../../protocol/live-page.ts';
import { rateChart } from '../charts/rate-chart.ts';
import { element, type Tree } from '../tree.ts';
import { conditionsWords, type Section, type View, variantColour, variantDash } from '../view.ts';

export const rates: Section = {
  id: 'rates',
  shows: (key) => key === 'run' || /^(rates|trials)\//.test(key),
  draw: (view) => {
    const run = view.documents.get('run');
    const samples = view.documents.all('rates');
    if (run === undefined || samples.length === 0) return [element('p', { class: 'quiet' }, 'No load yet.')];
    const legends = run.variants.map((variant) => legend(run, variant, view));
    const says = `Connections a second over the time under load. ${legends.map(({ words }) => words).join('; ')}.`;
    return [
      element('ul', { class: 'legend' }, ...legends.map(({ tree }) => tree)),
      rateChart({
        samples,
        colourOf: (cell) => variantColour(run, run.cells[cell].cell.variant),
        dashOf: (cell) => variantDash(run, run.cells[cell].cell.variant),
        width: view.widthOf('rates'),
        says,
      }),
      element(
        'p',
        { class: 'quiet', 'data-samples': samples.length },
        samplesWords(samples, view.documents.get('run')?.told === 'finished'),
      ),
    ];
  },
};

function legend(
  run: RunOutline,
  variant: string,
  { documents, conditions }: View,
): { tree: Tree; words: string } {
  // Not the mean of the points: those are of whole seconds, with parts of the warm-up in them.
  const middle = middleRate(
    documents
      .all('trials')
      .filter(
        ({ cell }) => run.cells[cell].cell.variant === variant && run.cells[cell].conditions === conditions,
      ),
  );
  const of = conditionsWords(run, conditions);
  const said =
    middle === null
      ? 'no trial done yet'
      : `${scaled(middle.rate)}, median of ${plural(middle.trials, 'trial')}${of === '' ? '' : `, ${of}`}`;
  return {
    words: `${variant}: ${said}`,
    tree: element(
      'li',
      {},
      element(
        'svg',
        { width: 30, height: 10, viewBox: '0 0 30 10', 'aria-hidden': 'true' },
        element('path', {
          class: 'line strong',
          d: 'M0 5H30',
          stroke: variantColour(run, variant),
          'stroke-dasharray': variantDash(run, variant),
        }),
        element('path', { class: 'dots strong', d: 'M15 5h0', stroke: variantColour(run, variant) }),
      ),
      ` ${variant} `,
      element('span', { class: 'quiet' }, said),
    ),
  };
}

function samplesWords(samples: readonly RateSample[], isFinished: boolean): string {
  if (isFinished) return 'A point a trial: second by second it was only told while the run was under way.';
  const coarse = samples.some(({ seconds, phase }) => seconds > 1 && phase !== 'trial');
  const points = coarse
    ? 'A point is the mean of several seconds of one cell'
    : 'A point a second, over all agents';
  return `${points}; faint: warm-up, or an attempt that came to nothing; ✕: connections failed. ${plural(samples.length, 'point')}.`;
}
