/**
 * The page of `stampede simulate papers`: how many claims hold first, then the curves, published over simulated, then every
 * claim with its checks, misses with a sentence on why.
 */

import type { Curve, JudgedCheck, JudgedClaim } from '../../../simulator/papers/claim.ts';
import { missText, toleranceText } from '../../../simulator/papers/claim.ts';
import type { PapersResult } from '../../../simulator/papers/papers.ts';
import { plural } from '../figures.ts';
import { escapeMarkup } from '../markup.ts';
import { chartFigure, simulatedFooter } from './curves-page.ts';
import { htmlDocument } from './document.ts';
import { list, section, table } from './markup-parts.ts';

export function papersPage({ claims, curves }: PapersResult): string {
  const outside = claims.filter(({ verdict }) => verdict === 'outside');
  const checks = claims.flatMap((claim) => claim.checks);
  const calibrated = checks.filter(({ basis }) => basis === 'calibrated-on').length;
  const answer =
    outside.length === 0
      ? `All ${claims.length} claims are within their tolerances.`
      : `${claims.length - outside.length} of ${claims.length} claims are within their tolerances; ${outside.map(({ id }) => id).join(', ')} ${outside.length === 1 ? 'is' : 'are'} not.`;
  const facts = [
    'simulated, not measured',
    plural(checks.length, 'check'),
    `${checks.length - calibrated} predicted`,
    `${calibrated} calibrated on`,
  ];
  return htmlDocument({
    title: 'Published and simulated',
    headerHtml: `<p class="kicker">Stampede · simulate papers</p>
<h1>What the papers published, and what the simulator says</h1>
<p class="answer ${outside.length === 0 ? 'better' : 'worse'}">${escapeMarkup(answer)}</p>
<ul class="facts">${facts.map((fact) => `<li>${escapeMarkup(fact)}</li>`).join('')}</ul>`,
    mainHtml: [
      ...(outside.length === 0 ? [] : [section('misses', 'What misses, and why', list(outside.map(missed)))]),
      ...(curves.length === 0 ? [] : [section('curves', 'Curves', charts(curves))]),
      section('claims', 'Claims', claims.map(claimTable).join('\n')),
      section('reading', 'How to read it', list(howToRead)),
    ].join('\n'),
    footerHtml: simulatedFooter,
  });
}

const howToRead = [
  'Lines are simulated, marks are published. A hollow mark is read from a bitmap, ±2 % of full scale (grade C).',
  'Calibrated on: the published point fixed a parameter of the model, so that it holds proves little. Predicted: it did not.',
  'A tolerance was set before the simulation ran. A claim with one check outside is outside.',
  'docs/simulator.md lists what was calibrated, and on what.',
];

function missed(claim: JudgedClaim): string {
  return `${claim.id}: ${missText(claim)} ${claim.why}`;
}

function charts(curves: readonly Curve[]): string {
  const ids = [...new Set(curves.map(({ chart }) => chart))];
  return ids
    .map((id) => {
      const own = curves.filter(({ chart }) => chart === id);
      const [{ title, xName, yName }] = own;
      const grades = [...new Set(own.map(({ grade }) => grade))];
      return chartFigure({
        id: id.replace(/[^A-Za-z0-9]+/g, '-'),
        title,
        explains: `${id}, grade ${grades.join(', ')}${grades.includes('C') ? ': hollow marks, ±2 % of full scale' : ''}`,
        xName,
        yName,
        curves: own.map(({ name, published, simulated, grade }, index) => ({
          name,
          colour: index,
          simulated,
          published,
          coarse: grade === 'C',
        })),
      });
    })
    .join('\n');
}

function claimTable({ id, says, source, checks }: JudgedClaim): string {
  const rows = checks.map((check) => [
    { text: check.figure, head: true },
    ...figures(check),
    toleranceText(check.tolerance),
    check.basis,
    check.verdict === 'within'
      ? { text: '✓ within', className: 'verdict holds' }
      : { text: '✗ outside', className: 'verdict broken' },
  ]);
  return `<h3 id="${id}">${escapeMarkup(`${id}: ${says}`)}</h3>${table({
    caption: source,
    header: ['Figure', 'Published', 'Simulated', 'Error', 'Tolerance', 'Basis', 'Verdict'],
    rows,
  })}`;
}

function figures({ published, simulated, unit, relativeError }: JudgedCheck) {
  const number = (text: string) => ({ text, className: 'number' });
  return [
    number(`${short(published)}${unit === '' ? '' : ` ${unit}`}`),
    number(short(simulated)),
    number(
      relativeError === null
        ? '–'
        : `${relativeError < 0 ? '−' : '+'}${Math.abs(relativeError * 100).toFixed(1)} %`,
    ),
  ];
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}
