/** Puts the claims to the test, one after the other. It prints nothing, and reads no clock. */

import { type Claim, type Curve, type JudgedClaim, judgeClaim, type Laboratory } from './claim.ts';

export interface PapersResult {
  readonly claims: readonly JudgedClaim[];
  readonly curves: readonly Curve[];
}

/** @param onClaim told of each claim when it is done. */
export function testClaims(
  claims: readonly Claim[],
  seed: number,
  onClaim: (claim: JudgedClaim) => void = () => {},
): PapersResult {
  const laboratory = newLaboratory(seed);
  const judged: JudgedClaim[] = [];
  const curves: Curve[] = [];
  for (const claim of claims) {
    const evidence = claim.simulate(laboratory);
    const one = judgeClaim(claim, evidence);
    judged.push(one);
    curves.push(...evidence.curves);
    onClaim(one);
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
