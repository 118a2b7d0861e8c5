/**
 * The shape of a claim: something that a paper published, and how the simulator comes to its own figure for it.
 *
 * A claim has one or more checks, each a published value, a simulated one and a tolerance that was set beforehand. A check
 * says whether its point was used to calibrate: what was calibrated on proves nothing. A claim out of tolerance is shown
 * with a sentence on why; nothing is hidden. It refuses to judge what is not a number.
 */

import type { Grade } from './published.ts';

/** Whether the published point was used to fix a parameter of the model, or is foretold by it. */
export type Basis = 'calibrated-on' | 'predicted';

export type Tolerance =
  /** Share of the published value: 0.1 is ±10 %. */
  | { readonly kind: 'relative'; readonly share: number }
  /** In the unit of the check. */
  | { readonly kind: 'absolute'; readonly by: number }
  /** The simulated value has to lie there, wherever the published one does. */
  | { readonly kind: 'between'; readonly low: number; readonly high: number }
  | { readonly kind: 'at-least'; readonly low: number }
  | { readonly kind: 'at-most'; readonly high: number };

export interface Check {
  /** What is compared, in a few words: "speed-up at 8 cores". */
  readonly figure: string;
  readonly published: number;
  readonly simulated: number;
  /** '' for a ratio. */
  readonly unit: string;
  readonly tolerance: Tolerance;
  readonly basis: Basis;
}

/** A check without a unit is of a ratio; unless it is said, its point was not calibrated on. */
export const check = (
  figure: string,
  values: { readonly published: number; readonly simulated: number; readonly unit?: string },
  tolerance: Tolerance,
  basis: Basis = 'predicted',
): Check => ({ unit: '', ...values, figure, tolerance, basis });

export const relative = (share: number): Tolerance => ({ kind: 'relative', share });

/** Two curves over each other, for the page. */
export interface Curve {
  /** Curves of one chart lie in one picture: the published figure's id. */
  readonly chart: string;
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  /** The system or design. */
  readonly name: string;
  readonly grade: Grade;
  readonly published: readonly (readonly [x: number, y: number])[];
  readonly simulated: readonly (readonly [x: number, y: number])[];
}

export interface Evidence {
  readonly checks: readonly Check[];
  /** Simulated only when somebody will look at them. */
  readonly curves?: () => readonly Curve[];
}

/** What claims share: chance, and results that several of them look at. */
export interface Laboratory {
  readonly seed: number;
  /** The value that `make` gives, made once for every `key`. */
  readonly once: <Value>(key: string, make: () => Value) => Value;
}

export interface Claim {
  /** C01, C02, … */
  readonly id: string;
  /** What was published, in a sentence. */
  readonly says: string;
  readonly source: string;
  readonly simulate: (laboratory: Laboratory) => Evidence;
  /** Why it may miss its tolerance, or what stands behind a miss; said whenever it does. */
  readonly why: string;
}

export type ClaimVerdict = 'within' | 'outside';

export interface JudgedCheck extends Check {
  /** simulated ÷ published − 1; null where 0 was published. */
  readonly relativeError: number | null;
  readonly verdict: ClaimVerdict;
}

export interface JudgedClaim {
  readonly id: string;
  readonly says: string;
  readonly source: string;
  /** Calibrated on: when every check of it was. */
  readonly basis: Basis;
  readonly verdict: ClaimVerdict;
  /** Null where it holds. */
  readonly why: string | null;
  readonly checks: readonly JudgedCheck[];
}

export function judgeClaim({ id, says, source, why }: Claim, { checks }: Evidence): JudgedClaim {
  if (checks.length === 0) throw new Error(`Claim ${id} checks nothing`);
  const judged = checks.map(judgeCheck);
  const verdict = judged.every((check) => check.verdict === 'within') ? 'within' : 'outside';
  return {
    id,
    says,
    source,
    basis: judged.every(({ basis }) => basis === 'calibrated-on') ? 'calibrated-on' : 'predicted',
    verdict,
    why: verdict === 'within' ? null : why,
    checks: judged,
  };
}

function judgeCheck(check: Check): JudgedCheck {
  const { published, simulated } = check;
  return {
    ...check,
    relativeError: published === 0 ? null : simulated / published - 1,
    verdict: isWithin(check) ? 'within' : 'outside',
  };
}

/** Rounding of a decimal must not decide: a bound gives way by a billionth. */
const slack = 1e-9;

function isWithin({ published, simulated, tolerance }: Check): boolean {
  if (!Number.isFinite(simulated)) return tolerance.kind === 'at-least' && simulated === Infinity;
  switch (tolerance.kind) {
    case 'relative':
      return Math.abs(simulated - published) <= tolerance.share * Math.abs(published) + slack;
    case 'absolute':
      return Math.abs(simulated - published) <= tolerance.by + slack;
    case 'between':
      return simulated >= tolerance.low - slack && simulated <= tolerance.high + slack;
    case 'at-least':
      return simulated >= tolerance.low - slack;
    case 'at-most':
      return simulated <= tolerance.high + slack;
  }
}

/** Which figures of a claim are outside: "gain at 1 transaction is 265.3 %, published 211.6 %, wanted ±20 %." */
export function missText({ checks }: JudgedClaim): string {
  const said = checks
    .filter(({ verdict }) => verdict === 'outside')
    .map(({ figure, simulated, published, unit, tolerance }) => {
      const of = (value: number): string => `${Number(value.toPrecision(4))}${unit === '' ? '' : ` ${unit}`}`;
      return `${figure} is ${of(simulated)}, published ${of(published)}, wanted ${toleranceText(tolerance)}`;
    });
  return said.length === 0 ? '' : `${said.join('; ')}.`;
}

export function toleranceText(tolerance: Tolerance): string {
  const short = (value: number): string => String(Number(value.toPrecision(4)));
  switch (tolerance.kind) {
    case 'relative':
      return `±${short(tolerance.share * 100)} %`;
    case 'absolute':
      return tolerance.by === 0 ? 'exact' : `±${short(tolerance.by)}`;
    case 'between':
      return `${short(tolerance.low)} to ${short(tolerance.high)}`;
    case 'at-least':
      return `≥ ${short(tolerance.low)}`;
    case 'at-most':
      return `≤ ${short(tolerance.high)}`;
  }
}
