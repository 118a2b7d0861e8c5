/**
 * What in a scenario does not fit together, though each value by itself is well. It is looked for even where other values
 * are wrong, so that every mistake is told at once; a check is silent only where what it compares is wrong itself. Pure: it
 * refuses to judge a single value, which `scenario.ts` does.
 */

import { maxHttpRequestBytes } from './traffic.ts';
import { designs, parseVariant } from './variant-catalogue.ts';

/** More would take weeks, and the plan must fit in memory. */
export const maxTrials = 100_000;

type Path = readonly PropertyKey[];

/** What of a scenario is compared with something else. */
export interface Fields {
  readonly application: string;
  readonly baseline?: string | undefined;
  readonly blocks: number;
  readonly factors: {
    readonly variant: readonly string[];
    readonly requestBytes: readonly number[];
    readonly concurrency?: readonly number[] | undefined;
    readonly rate?: readonly number[] | undefined;
    readonly [other: string]: readonly (string | number)[] | undefined;
  };
  readonly thresholds: readonly {
    readonly variant?: string | undefined;
    readonly min?: number | undefined;
    readonly max?: number | undefined;
  }[];
}

export interface Misfit {
  readonly path: (string | number)[];
  /** What is, and what is wanted. */
  readonly message: string;
}

/** True when nothing is wrong at this path, above it or below it. */
type IsWell = (...path: Path) => boolean;

/** `faults`: paths of values that are wrong by themselves; what stands there may be anything. */
export function misfitsOf(fields: Fields, faults: readonly Path[]): Misfit[] {
  const isWell: IsWell = (...path) =>
    !faults.some((fault) => {
      const shared = Math.min(fault.length, path.length);
      return path.slice(0, shared).every((part, index) => part === fault[index]);
    });
  return [loop, baseline, applications, requests, thresholds, trials].flatMap((check) =>
    check(fields, isWell),
  );
}

function loop({ factors }: Fields, isWell: IsWell): Misfit[] {
  if (typeof factors !== 'object' || factors === null) return [];
  const isThere = (name: 'concurrency' | 'rate') => factors[name] !== undefined || !isWell('factors', name);
  if (isThere('concurrency') !== isThere('rate')) return [];
  const what = isThere('rate') ? 'both concurrency and rate are' : 'neither concurrency nor rate is';
  const message = `${what} there; wanted one: concurrency (closed loop) or rate (open loop)`;
  return [{ path: ['factors'], message }];
}

function baseline({ baseline, factors }: Fields, isWell: IsWell): Misfit[] {
  if (!isWell('baseline') || !isWell('factors', 'variant') || baseline === undefined) return [];
  if (factors.variant.includes(baseline)) return [];
  return [{ path: ['baseline'], message: notCompared(baseline, factors.variant) }];
}

function notCompared(variant: string, compared: readonly string[]): string {
  return `"${variant}" is not one of the compared variants; wanted one of ${compared.join(', ')}`;
}

function applications({ application, factors }: Fields, isWell: IsWell): Misfit[] {
  if (!isWell('application') || !isWell('factors', 'variant')) return [];
  return factors.variant.flatMap((variant, index) => {
    const design = parseVariant(variant)?.design;
    if (design === undefined) return [];
    const can: readonly string[] = designs[design].applications;
    if (can.includes(application)) return [];
    const message = `"${variant}" does not speak ${application}; wanted application: ${can.join(' or ')}, or another variant`;
    return [{ path: ['factors', 'variant', index], message }];
  });
}

function requests({ application, factors }: Fields, isWell: IsWell): Misfit[] {
  if (!isWell('application') || !isWell('factors', 'requestBytes') || application !== 'http') return [];
  return factors.requestBytes.flatMap((bytes, index) => {
    if (bytes <= maxHttpRequestBytes) return [];
    const message = `is ${bytes}, a longer request head than HTTP servers take; wanted at most ${maxHttpRequestBytes} with application: http`;
    return [{ path: ['factors', 'requestBytes', index], message }];
  });
}

function thresholds({ factors, thresholds }: Fields, isWell: IsWell): Misfit[] {
  if (!Array.isArray(thresholds)) return [];
  return (thresholds as Fields['thresholds']).flatMap((threshold, index) => {
    if (!isWell('thresholds', index)) return [];
    const { variant, min, max } = threshold;
    const misfits: Misfit[] = [];
    if (variant !== undefined && isWell('factors', 'variant') && !factors.variant.includes(variant))
      misfits.push({
        path: ['thresholds', index, 'variant'],
        message: notCompared(variant, factors.variant),
      });
    if (min !== undefined && max !== undefined && min > max)
      misfits.push({
        path: ['thresholds', index, 'min'],
        message: `is ${min}, over max ${max}; wanted min to be at most max`,
      });
    return misfits;
  });
}

function trials({ blocks, factors }: Fields, isWell: IsWell): Misfit[] {
  if (!isWell('blocks') || !isWell('factors')) return [];
  const cells = Object.values(factors).reduce((product, list) => product * (list?.length ?? 1), 1);
  if (cells * blocks <= maxTrials) return [];
  const message = `${cells} cells × ${blocks} blocks are ${cells * blocks} trials; wanted at most ${maxTrials}`;
  return [{ path: ['blocks'], message }];
}
