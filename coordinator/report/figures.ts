/** Numbers as a person reads them: three digits that matter, a unit, and a mark where a figure is only a bound. */

import type { ComparisonRow } from '../../protocol/comparison-record.ts';
import type { MetricName } from '../../protocol/scenario.ts';
import type { LimitedBy } from '../../protocol/trial-record.ts';
import { metrics } from '../judge/metrics.ts';
import type { Conditions } from '../judge/pairs.ts';

export const notMeasured = 'not measured';

/** "41.2 k", "7.41 µs", "0.987". */
export function figure(metric: MetricName, value: number | null): string {
  if (value === null) return notMeasured;
  switch (metrics[metric].unit) {
    case 'connections/s':
      return scaled(value);
    case 'µs':
      return `${digits(value)} µs`;
    case 's':
      return duration(value);
    case 'index':
      return value.toFixed(3);
  }
}

/** "≥ 412 k" for a rate, "≤ 1.2 ms" for a latency that the generator, not the server, held back. */
export function boundedFigure(metric: MetricName, value: number | null, limitedBy: LimitedBy): string {
  const text = figure(metric, value);
  return value === null ? text : `${boundMark(metric, limitedBy)}${text}`;
}

export function boundMark(metric: MetricName, limitedBy: LimitedBy): string {
  const { kind } = metrics[metric];
  if (kind === 'share' || (limitedBy !== 'generator' && limitedBy !== 'network')) return '';
  return kind === 'capacity' ? '≥ ' : '≤ ';
}

/** "41.2 k", "1.03 M". */
export function scaled(value: number): string {
  if (value >= 999_500) return `${digits(value / 1e6)} M`;
  if (value >= 9_995) return `${digits(value / 1e3)} k`;
  return digits(value);
}

/** Of seconds: "74.1 µs", "1.20 ms", "3.00 s". */
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 999.5e-9) return `${digits(seconds * 1e9)} ns`;
  if (seconds < 999.5e-6) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${digits(seconds * 1e3)} ms`;
  return `${digits(seconds)} s`;
}

/** Over this, two clocks do not count from the same moment. */
const largestOffsetMicroseconds = 86_400e6;

/**
 * How far the control clock is ahead of a member's: "offset +312 µs"; of a member whose clock began when its machine was
 * started, when that was: "counts from 2026-12-01 03:44 UTC".
 */
export function clockOffset(microseconds: number): string {
  if (Math.abs(microseconds) < largestOffsetMicroseconds)
    return `offset ${microseconds < 0 ? '−' : '+'}${duration(Math.abs(microseconds) / 1e6)}`;
  const began = new Date(microseconds / 1e3);
  if (Number.isNaN(began.getTime())) return 'offset beyond all dates';
  return `counts from ${began.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 || size === 0 ? 0 : size >= 9.995 ? 1 : 2);
}

/** A ratio as a difference: "+7.1 %", "−3.0 %", "×2.41". */
export function difference(ratio: number | null): string {
  if (ratio === null) return '–';
  if (ratio >= 2) return `×${digits(ratio)}`;
  const percent = (ratio - 1) * 100;
  const text = Math.abs(percent).toFixed(1);
  return `${text === '0.0' ? '±' : percent < 0 ? '−' : '+'}${text} %`;
}

/** The same on an axis, without digits that a tick does not need: "+10 %", "×2", "±0 %". */
export function ratioTickWords(ratio: number): string {
  if (ratio >= 2) return `×${ratio}`;
  return difference(ratio).replace('.0 %', ' %');
}

/** "−2.1 % … +4.0 %". */
export function interval({ low, high }: Pick<ComparisonRow, 'low' | 'high'>): string {
  return low === null || high === null ? '–' : `${difference(low)} … ${difference(high)}`;
}

export function percent(share: number, places = 0): string {
  return `${(share * 100).toFixed(places)} %`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

const conditionWords: Readonly<Record<keyof Conditions, (level: string | number) => string>> = {
  cores: (level) => plural(Number(level), 'server core'),
  engine: (level) => `${level} engine`,
  messages: (level) => plural(Number(level), 'message'),
  requestBytes: (level) => `${level} B requests`,
  responseBytes: (level) => `${level} B responses`,
  close: (level) => `closed by ${level}`,
  concurrency: (level) => `${level} open at a time`,
  rate: (level) => `${scaled(Number(level))} starts/s`,
};

/** "2 server cores · 64 open at a time"; only the factors named. */
export function conditionsText(
  conditions: Conditions,
  factors: readonly (keyof Conditions)[] = Object.keys(conditionWords) as (keyof Conditions)[],
): string {
  return factors
    .flatMap((factor) => {
      const level = conditions[factor];
      return level === null ? [] : [conditionWords[factor](level)];
    })
    .join(' · ');
}

/** The factors whose level is not the same in all of these. */
export function varyingFactors(all: readonly Conditions[]): (keyof Conditions)[] {
  return (Object.keys(conditionWords) as (keyof Conditions)[]).filter(
    (factor) => new Set(all.map((conditions) => conditions[factor])).size > 1,
  );
}
