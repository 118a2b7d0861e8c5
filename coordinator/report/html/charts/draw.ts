/**
 * Draws a chart once, to SVG text, when the report is written: the page needs no script. Ids are made the chart's own,
 * so that many drawings share a page and the same run gives the same bytes.
 */

import { createRequire } from 'node:module';
import type { EChartsOption, init } from 'echarts';
import { escapeMarkup } from '../../markup.ts';
import { standIn, themed } from '../palette.ts';

/**
 * As one file, and when the first chart is drawn: its several hundred modules would be opened all at once, more than a
 * low limit of open files allows, and every run would wait for them before it starts.
 */
let loaded: { readonly init: typeof init } | undefined;
function charts(): { readonly init: typeof init } {
  loaded ??= createRequire(import.meta.url)('echarts/dist/echarts.min.js') as { readonly init: typeof init };
  return loaded;
}

export interface Drawing {
  /** Unique on the page; letters, digits and hyphens. */
  readonly id: string;
  /** What a reader who does not see it should know. */
  readonly says: string;
  readonly width: number;
  readonly height: number;
  readonly option: EChartsOption;
}

export const fontFamily = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
export const inkText = { color: standIn('ink'), fontSize: 12, fontFamily };
export const mutedText = { color: standIn('muted'), fontSize: 12, fontFamily };
export const gridLines = { show: true, lineStyle: { color: standIn('line'), width: 1 } };
export const axisLine = { show: true, lineStyle: { color: standIn('muted'), width: 1 } };

export function draw({ id, says, width, height, option }: Drawing): string {
  const chart = charts().init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily }, ...option });
    const svg = chart
      .renderToSVGString({ useViewBox: true })
      .replace(/\bzr\d+-[a-z]+-?\d+\b/g, ownNames(id))
      .replace(/ ecmeta_[a-z_]+="[^"]*"/g, '')
      .replace(/^<svg /, `<svg role="img" aria-label="${escapeMarkup(says)}" style="max-width:${width}px" `);
    return themed(svg);
  } finally {
    chart.dispose();
  }
}

/** ECharts counts ids and classes on from drawing to drawing; here each drawing counts its own from 0. */
function ownNames(id: string): (theirs: string) => string {
  const names = new Map<string, string>();
  return (theirs) => {
    const name = names.get(theirs) ?? `${id}-${names.size}`;
    names.set(theirs, name);
    return name;
  };
}

/** One drawing for wide pages and one for phones; the style sheet shows the one that fits. */
export function drawTwice(id: string, at: (width: number, size: 'wide' | 'narrow') => Drawing): string {
  const wide = draw({ ...at(860, 'wide'), id: `${id}-w` });
  const narrow = draw({ ...at(342, 'narrow'), id: `${id}-n` });
  return `<div class="wide">${wide}</div><div class="narrow">${narrow}</div>`;
}
