/** What each core did, a column each: user, system and softirq from below, and room to the top is idle time. */

import { percent } from '../../../coordinator/report/figures.ts';
import { element, type Tree } from '../tree.ts';
import { pixel } from './axis.ts';

export const modes = ['user', 'system', 'softirq'] as const;

export interface Column {
  readonly core: string;
  readonly user: number;
  readonly system: number;
  readonly softirq: number;
  readonly idle: number;
}

const height = 96;
const labelHeight = 16;
const gap = 3;
const widest = 26;
const narrowest = 6;
/** Under this a label does not fit under its column. */
const labelled = 16;

export function coreColumns(title: string, columns: readonly Column[], width: number): Tree {
  const each = Math.max(narrowest, Math.min(widest, Math.floor(width / columns.length) - gap));
  const whole = columns.length * (each + gap);
  const total = height + labelHeight;
  const says = `${title}: ${columns.map(columnWords).join('; ')}.`;
  return element(
    'svg',
    {
      class: 'columns',
      width: whole,
      height: total,
      viewBox: `0 0 ${whole} ${total}`,
      role: 'img',
      'aria-label': says,
    },
    ...columns.flatMap((column, place) => {
      const x = place * (each + gap);
      let below = height;
      return [
        element('rect', { class: 'idle', x, y: 0, width: each, height }),
        ...modes.map((mode) => {
          const part = column[mode] * height;
          below -= part;
          return element('rect', { class: mode, x, y: pixel(below), width: each, height: pixel(part) });
        }),
        ...(each >= labelled && column.core.length <= 3
          ? [element('text', { class: 'tick', x, y: total - 3 }, column.core)]
          : []),
      ];
    }),
  );
}

export function columnWords({ core, user, system, softirq, idle }: Column): string {
  return `core ${core}: user ${percent(user)}, system ${percent(system)}, softirq ${percent(softirq)}, idle ${percent(idle)}`;
}
