/** What each core did: time by mode, and connections accepted; means over the blocks. */

import type { TrialRecord } from '../../../../protocol/trial-record.ts';
import { plural, scaled } from '../../figures.ts';
import { type ColourName, standIn } from '../palette.ts';
import { axisLine, type Drawing, gridLines, inkText, mutedText } from './draw.ts';

export const modes = ['user', 'system', 'softirq', 'idle'] as const;

export interface CoreRow {
  readonly label: string;
  readonly user: number;
  readonly system: number;
  readonly softirq: number;
  readonly idle: number;
  /** A second; null for a load core, and where the server does not count. */
  readonly acceptsPerSecond: number | null;
}

/** More cores than this are told by their mean and extremes. */
const mostCores = 8;

/** The server's cores of one variant, or with `side: 'generator'` those of the load. */
export function coreRows(
  variant: string,
  trials: readonly TrialRecord[],
  side: 'server' | 'generator',
): CoreRow[] {
  const byCore = new Map<number, CoreRow[]>();
  for (const trial of trials)
    for (const core of trial[side].cores ?? []) {
      const accepted = 'accepted' in core ? (core.accepted as number | null) : null;
      const row = {
        ...core,
        label: '',
        acceptsPerSecond: accepted === null ? null : accepted / trial.measuredSeconds,
      };
      byCore.set(core.core, [...(byCore.get(core.core) ?? []), row]);
    }
  const what = side === 'server' ? variant : `${variant}, load`;
  const rows = [...byCore]
    .sort(([left], [right]) => left - right)
    .map(([core, samples]) => meanRow(`${what}, core ${core}`, samples));
  if (rows.length <= mostCores) return rows;
  const byIdle = [...rows].sort((left, right) => left.idle - right.idle);
  const busiest = byIdle[0];
  const idlest = byIdle[byIdle.length - 1];
  return [
    meanRow(`${what}, mean of ${plural(rows.length, 'core')}`, rows),
    { ...busiest, label: `${busiest.label} (busiest)` },
    { ...idlest, label: `${idlest.label} (most idle)` },
  ];
}

function meanRow(label: string, rows: readonly CoreRow[]): CoreRow {
  const mean = (of: (row: CoreRow) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  return {
    label,
    user: mean((row) => row.user),
    system: mean((row) => row.system),
    softirq: mean((row) => row.softirq),
    idle: mean((row) => row.idle),
    acceptsPerSecond: rows.some(({ acceptsPerSecond }) => acceptsPerSecond === null)
      ? null
      : mean((row) => row.acceptsPerSecond ?? 0),
  };
}

export function modeDrawing(
  says: string,
  rows: readonly CoreRow[],
  width: number,
  size: 'wide' | 'narrow',
): Omit<Drawing, 'id'> {
  const listed = [...rows].reverse();
  return {
    says,
    width,
    height: rows.length * 28 + 84,
    option: {
      legend: {
        top: 0,
        left: 0,
        itemWidth: 14,
        itemHeight: 12,
        itemGap: 20,
        textStyle: inkText,
        data: [...modes],
      },
      grid: barGrid(size, 30),
      xAxis: {
        type: 'value',
        min: 0,
        max: 100,
        name: 'time, % of the core',
        nameLocation: 'middle',
        nameGap: 26,
        nameTextStyle: mutedText,
        axisLabel: mutedText,
        splitLine: gridLines,
        axisLine,
      },
      yAxis: rowAxis(listed, size),
      series: modes.map((mode) => ({
        type: 'bar',
        name: mode,
        stack: 'time',
        silent: true,
        barWidth: 16,
        data: listed.map((row) => row[mode] * 100),
        itemStyle: { color: standIn(mode), borderColor: standIn('page'), borderWidth: 1 },
      })),
    },
  };
}

export function acceptsDrawing(
  says: string,
  rows: readonly (CoreRow & { readonly colour: ColourName })[],
  width: number,
  size: 'wide' | 'narrow',
): Omit<Drawing, 'id'> {
  const listed = [...rows].reverse();
  return {
    says,
    width,
    height: rows.length * 28 + 56,
    option: {
      grid: barGrid(size, 4),
      xAxis: {
        type: 'value',
        min: 0,
        name: 'accepted connections/s',
        nameLocation: 'middle',
        nameGap: 26,
        nameTextStyle: mutedText,
        axisLabel: { ...mutedText, formatter: scaledTick, hideOverlap: true },
        splitNumber: size === 'wide' ? 6 : 3,
        splitLine: gridLines,
        axisLine,
      },
      yAxis: rowAxis(listed, size),
      series: [
        {
          type: 'bar',
          silent: true,
          barWidth: 16,
          data: listed.map(({ acceptsPerSecond, colour }) => ({
            value: acceptsPerSecond ?? 0,
            itemStyle: { color: standIn(colour) },
          })),
        },
      ],
    },
  };
}

/** "20 k", without digits that a tick does not need. */
export function scaledTick(value: number): string {
  return scaled(value)
    .replace(/(\.\d*?)0+(?= |$)/, '$1')
    .replace(/\.(?= |$)/, '');
}

function barGrid(size: 'wide' | 'narrow', top: number) {
  return { left: size === 'wide' ? 232 : 126, right: size === 'wide' ? 28 : 18, top, bottom: 44 };
}

function rowAxis(rows: readonly CoreRow[], size: 'wide' | 'narrow') {
  return {
    type: 'category' as const,
    data: rows.map(({ label }) => label),
    axisLabel: {
      ...inkText,
      fontSize: size === 'wide' ? 12 : 11,
      width: size === 'wide' ? 210 : 104,
      overflow: 'break' as const,
      interval: 0,
      lineHeight: 13,
    },
    axisTick: { show: false },
    axisLine: { show: false },
  };
}
