/** Puts the claims to the test, one after the other. It prints nothing, and reads no clock. */

import { type Claim, type Curve, type JudgedClaim, judgeClaim, type Laboratory } from './claim.ts';

export interface PapersResult {
  readonly claims: readonly JudgedClaim[];
  readonly curves: readonly Curve[];
}

export interface TestOptions {
  /** Curves have points that no check needs, about as many again. Default: without. */
  readonly curves?: boolean;
  /** Told of each claim when it is done. */
  readonly onClaim?: (claim: JudgedClaim) => void;
}

export function testClaims(
  claims: readonly Claim[],
  seed: number,
  { curves: wanted = false, onClaim }: TestOptions = {},
): PapersResult {
  const laboratory = newLaboratory(seed);
  const judged: JudgedClaim[] = [];
  const curves: Curve[] = [];
  for (const claim of claims) {
    const evidence = claim.simulate(laboratory);
    const one = judgeClaim(claim, evidence);
    judged.push(one);
    if (wanted) curves.push(...(evidence.curves?.() ?? []));
    onClaim?.(one);
  }
  return { claims: judged, curves };
}

export function newLaboratory(seed: number): Laboratory {
  const results = new Map<string, unknown>();
  return {
    seed,
    once: <Value>(key: string, make: () => Value): Value => {
      if (!results.has(key)) results.set(key, make());
      return results.get(key) as Value;
    },
  };
}
