/** A page of curves: what `stampede simulate … --chart` writes. One file that needs nothing else, light and dark. */

import { escapeMarkup } from '../markup.ts';
import { type CurveChart, curveDrawing } from './charts/curves.ts';
import { drawTwice } from './charts/draw.ts';
import { details, figure, table } from './markup-parts.ts';
import { style } from './style.ts';

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
  return wholePage({
    title,
    headerHtml: `<p class="kicker">${escapeMarkup(kicker)}</p>
<h1>${escapeMarkup(title)}</h1>
<ul class="facts">${facts.map((fact) => `<li>${escapeMarkup(fact)}</li>`).join('')}</ul>`,
    mainHtml: charts.map(chartFigure).join('\n'),
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

export function wholePage(page: {
  readonly title: string;
  readonly headerHtml: string;
  readonly mainHtml: string;
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeMarkup(page.title)} – Stampede</title>
<style>${style}</style>
</head>
<body>
<header>
${page.headerHtml}
</header>
<main>
${page.mainHtml}
</main>
<footer>Simulated by Stampede, not measured.</footer>
</body>
</html>
`;
}
