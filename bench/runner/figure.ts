/**
 * What a bench says: figures, one line each. `--json` gives a script's form, with fixed names; otherwise a person's.
 * `--small`: as short as a test may last; such figures prove that the bench runs, and nothing else.
 */

import { parseArgs } from 'node:util';

/** Ours divided by the other's, over the pairs measured in one run. */
export interface Ratio {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Figure {
  readonly bench: string;
  readonly figure: string;
  /** Null: could not be measured; `note` says why. */
  readonly value: number | null;
  readonly unit: string;
  /** What it is compared with; null: a figure on its own. */
  readonly against: string | null;
  readonly ratio: Ratio | null;
  readonly pairs: number;
  readonly note: string;
}

export interface BenchOptions {
  readonly json: boolean;
  readonly small: boolean;
  /** How long it measures, where a bench has a length; null: its own. */
  readonly seconds: number | null;
  /** How many agents take part, where a bench has some; null: its own. */
  readonly agents: number | null;
}

export function benchOptions(): BenchOptions {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      small: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      agents: { type: 'string' },
    },
  });
  const seconds = values.seconds === undefined ? null : Number(values.seconds);
  if (seconds !== null && !(seconds > 0 && seconds <= 3600))
    throw new RangeError(`Cannot measure for "${values.seconds}" seconds: wanted a number up to 3600`);
  const agents = values.agents === undefined ? null : Number(values.agents);
  if (agents !== null && !(Number.isInteger(agents) && agents > 0 && agents <= 100_000))
    throw new RangeError(`Cannot measure "${values.agents}" agents: wanted a whole number up to 100000`);
  return { json: values.json, small: values.small, seconds, agents };
}

export function report(figure: Figure, options: BenchOptions): void {
  process.stdout.write(`${options.json ? JSON.stringify(figure) : sentence(figure)}\n`);
}

export function ratioOf(ratios: readonly number[]): Ratio {
  const sorted = [...ratios].sort((one, other) => one - other);
  return { min: sorted[0], median: medianOf(sorted), max: sorted[sorted.length - 1] };
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function sentence({ figure, value, unit, against, ratio, pairs, note }: Figure): string {
  const measured = value === null ? 'not measured' : `${Number(value.toPrecision(4))} ${unit}`;
  const compared =
    ratio === null
      ? ''
      : `, ${ratio.median.toFixed(3)} × ${against} (${ratio.min.toFixed(3)}…${ratio.max.toFixed(3)}, ${pairs} pairs)`;
  return `${figure}: ${measured}${compared}${note === '' ? '' : `  [${note}]`}`;
}
