/** The page's section of what is modelled: curves by cores with what was measured over them, and the figures. */

import type { Comparison, ModelRow } from '../../../protocol/comparison-record.ts';
import { plural } from '../figures.ts';
import { escapeMarkup } from '../markup.ts';
import {
  type ModelledVariant,
  modelCaption,
  modelCells,
  modelExplains,
  modelHeader,
  modelledVariants,
  modelReasons,
} from '../model-words.ts';
import { curveDrawing, type DrawnCurve } from './charts/curves.ts';
import { drawTwice } from './charts/draw.ts';
import { figure, list, table } from './markup-parts.ts';

export function modelSection(comparison: Comparison): string {
  const variants = modelledVariants(comparison);
  const conversations = [...new Set(variants.map(conversationKey))];
  const parts = conversations.map((key, index) =>
    conversationHtml(
      variants.filter((variant) => conversationKey(variant) === key),
      index,
    ),
  );
  const reasons = modelReasons(comparison.model);
  return [
    `<p>${escapeMarkup(modelExplains(comparison.model))}</p>`,
    ...parts,
    ...(reasons.length === 0 ? [] : [`<div class="quiet">${list(reasons)}</div>`]),
  ].join('\n');
}

function conversationKey({ messages, responseBytes }: ModelledVariant): string {
  return `${messages} ${responseBytes}`;
}

function conversationHtml(variants: readonly ModelledVariant[], index: number): string {
  const [{ messages, responseBytes }] = variants;
  const title = `Connections/s by cores, ${plural(messages, 'message')} of ${responseBytes} bytes`;
  const curves = variants.map(curveOf).filter(({ simulated }) => simulated.length > 0);
  const says = `${title}, modelled: the figures are in the table below.`;
  const chart = { says, xName: 'cores', yName: 'connections/s', curves };
  const drawing =
    curves.length === 0
      ? ''
      : drawTwice(`m${index + 1}`, (width, size) => ({
          id: `m${index + 1}`,
          ...curveDrawing(chart, width, size),
        }));
  const numbers = table({
    caption: modelCaption,
    header: modelHeader,
    rows: variants.flatMap(({ rows }) => rows.map(tableRow)),
  });
  return `${figure(title, 'Lines are modelled, marks are measured.', drawing)}${numbers}`;
}

function curveOf({ variant, rows }: ModelledVariant, index: number): DrawnCurve {
  const points = (figureOf: (row: ModelRow) => number | null) =>
    rows.flatMap((row) => {
      const value = figureOf(row);
      return value === null ? [] : [[row.cores, value] as const];
    });
  return {
    name: variant,
    colour: index,
    simulated: points((row) => row.connectionsPerSecond),
    published: points((row) => row.measured?.connectionsPerSecond ?? null),
    coarse: false,
  };
}

function tableRow(row: ModelRow) {
  const [variant, ...figures] = modelCells(row);
  return [{ text: variant, head: true }, ...figures.map((text) => ({ text, className: 'number' }))];
}
