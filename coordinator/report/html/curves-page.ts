/** A page of curves: what `stampede simulate … --chart` writes. One file that needs nothing else, light and dark. */

import { escapeMarkup } from '../markup.ts';
import { type CurveChart, curveDrawing } from './charts/curves.ts';
import { drawTwice } from './charts/draw.ts';
import { htmlDocument } from './document.ts';
import { details, figure, table } from './markup-parts.ts';

export const simulatedFooter = 'Simulated by Stampede, not measured.';

export interface PageChart extends Omit<CurveChart, 'says'> {
  /** Unique on the page; letters, digits and hyphens. */
  readonly id: string;
  readonly title: string;
  readonly explains: string;
}

export interface CurvesPage {
  readonly kicker: string;
  readonly title: string;
  readonly facts: readonly string[];
  readonly charts: readonly PageChart[];
}

export function curvesPage({ kicker, title, facts, charts }: CurvesPage): string {
  return htmlDocument({
    title,
    headerHtml: `<p class="kicker">${escapeMarkup(kicker)}</p>
<h1>${escapeMarkup(title)}</h1>
<ul class="facts">${facts.map((fact) => `<li>${escapeMarkup(fact)}</li>`).join('')}</ul>`,
    mainHtml: charts.map(chartFigure).join('\n'),
    footerHtml: simulatedFooter,
  });
}

/** Drawing and numbers of one chart. */
export function chartFigure(chart: PageChart): string {
  const { id, title, explains, xName, yName, curves } = chart;
  const says = `${title}: ${yName} by ${xName}; the figures are in the table below it.`;
  const drawing = drawTwice(id, (width, size) => ({ id, ...curveDrawing({ ...chart, says }, width, size) }));
  const xs = [
    ...new Set(curves.flatMap(({ simulated, published }) => [...simulated, ...published].map(([x]) => x))),
  ];
  const columns = curves.flatMap(({ name, simulated, published }) =>
    published.length === 0
      ? [{ name, points: simulated }]
      : [
          { name: `${name}, published`, points: published },
          { name: `${name}, simulated`, points: simulated },
        ],
  );
  const numbers = table({
    caption: `${title}: ${yName}`,
    header: [xName, ...columns.map(({ name }) => name)],
    rows: xs
      .sort((one, other) => one - other)
      .map((x) => [
        { text: String(x), head: true },
        ...columns.map(({ points }) => ({
          text: shortest(points.find(([at]) => at === x)?.[1]),
          className: 'number',
        })),
      ]),
  });
  return figure(title, explains, `${drawing}${details('The numbers', numbers)}`);
}

function shortest(value: number | undefined): string {
  return value === undefined
    ? ''
    : Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}
