/**
 * One lock and nothing else: n cores work on their own, then each needs the lock for a serial part, for ever.
 *
 * The model is that of "Non-scalable locks are dangerous" (OLS 2012, section 3): a core comes to the lock after an
 * exponential time of mean a = s / share; s cycles are serial; a hand-over takes longer the more wait. Of n cores, k at the
 * lock, n − k work: the speed-up is n minus the mean of k. What is between a grant and the next is work that is done the
 * more slowly the more wait: exponential work makes it exactly the paper's Markov chain, constant work its deterministic
 * sister. It knows no machine: every hand-over is over one distance.
 */

import { EventQueue } from './event-queue.ts';
import { Lock, type LockKind, nobody } from './locks/lock.ts';
import { randomStream } from './random.ts';
import { type Interval, intervalOf, warmUpLength } from './statistics.ts';

export interface LockStudy {
  readonly kind: LockKind;
  readonly cores: number;
  /** What the lock is held for, without the hand-over. */
  readonly serialCycles: number;
  /** Serial cycles per cycle of work outside: 0.004 is 0.4 %. */
  readonly serialShare: number;
  /** For a line to move from one core to another. */
  readonly lineCycles: number;
  readonly service: 'exponential' | 'deterministic';
  readonly seed: number;
  /** Acquisitions a replication, at first. */
  readonly acquisitions: number;
  /**
   * Where half an interval is wider than this share of the speed-up, it is done again with 4, 16, then 64 times as many.
   * Near its peak a ticket lock is in one of two states for long, hardly waited for or collapsed: few acquisitions see only
   * one of them.
   */
  readonly precision: number;
  /** Independent seeds, at least one. */
  readonly replications: number;
}

export interface LockStudyRow {
  readonly cores: number;
  /** Cores' worth of work outside the lock that gets done, with its 95 % interval over seeds. */
  readonly speedup: number;
  readonly low: number;
  readonly high: number;
  /** Mean number of cores at the lock: those that wait and the one that holds it. */
  readonly waiting: number;
  readonly acquisitionsPerMillionCycles: number;
}

const arrive = 0;
/** Averages over windows of so many acquisitions are what the warm-up is cut by. */
const windowAcquisitions = 20;

const longest = 64;

export function studyLock(study: LockStudy): LockStudyRow {
  for (let times = 1; ; times *= 4) {
    const row = rowOf({ ...study, acquisitions: study.acquisitions * times });
    if (times === longest || row.high - row.speedup <= study.precision * row.speedup) return row;
  }
}

function rowOf(study: LockStudy): LockStudyRow {
  const runs = Array.from({ length: study.replications }, (_, index) => replication(study, index));
  const speedup: Interval = intervalOf(runs.map(({ waiting }) => study.cores - waiting));
  const rate = intervalOf(runs.map((run) => run.acquisitionsPerCycle * 1e6));
  return {
    cores: study.cores,
    speedup: speedup.mean,
    low: speedup.low,
    high: speedup.high,
    waiting: study.cores - speedup.mean,
    acquisitionsPerMillionCycles: rate.mean,
  };
}

interface Replication {
  readonly waiting: number;
  readonly acquisitionsPerCycle: number;
}

function replication(study: LockStudy, index: number): Replication {
  const { cores, kind, serialCycles, serialShare, lineCycles } = study;
  const workCycles = serialCycles / serialShare;
  const label = `lock ${index}`;
  const thinking = randomStream(study.seed, `${label} work`);
  const serving = randomStream(study.seed, `${label} service`);
  const drawWork = study.service === 'exponential' ? () => serving.exponential(1) : () => 1;
  // How long a hand-over takes is told by `slowDown`: the lock says who comes next.
  const lock = new Lock({
    kind: { ...kind, handOverCycles: () => 0 },
    lineCycles: () => 0,
    chance: randomStream(study.seed, `${label} order`).uniform,
  });
  const arrivals = new EventQueue();
  for (let core = 0; core < cores; core++) arrivals.put(thinking.exponential(workCycles), arrive, core);

  const windows = Math.floor(study.acquisitions / windowAcquisitions);
  const areas = new Float64Array(windows);
  const ends = new Float64Array(windows);
  let now = 0;
  let area = 0;
  let acquisitions = 0;
  /** Of the service under way: what is left of it, and the cycles that a whole one takes now. */
  let left = 0;
  let wholeCycles = 0;
  let doneAt = Infinity;

  const slowDown = (): void => {
    wholeCycles = serialCycles + kind.evenHandOverCycles(lock.waiting, lineCycles);
    doneAt = now + left * wholeCycles;
  };
  /** `left` and `area` go on to `time`. */
  const pass = (time: number): void => {
    if (lock.holder !== nobody) {
      area += (time - now) * (lock.waiting + 1);
      left -= (time - now) / wholeCycles;
    }
    now = time;
  };

  while (acquisitions < windows * windowAcquisitions) {
    if (arrivals.nextTime < doneAt) {
      arrivals.next();
      pass(arrivals.time);
      if (lock.request(arrivals.argument, now)) left = drawWork();
      slowDown();
      continue;
    }
    pass(doneAt);
    doneAt = Infinity;
    arrivals.put(now + thinking.exponential(workCycles), arrive, lock.holder);
    if (lock.release(lock.holder, now) !== nobody) {
      left = drawWork();
      slowDown();
    }
    acquisitions++;
    if (acquisitions % windowAcquisitions === 0) {
      const window = acquisitions / windowAcquisitions - 1;
      areas[window] = area;
      ends[window] = now;
    }
  }
  return averages(areas, ends);
}

/** Time averages of what is left when the warm-up is cut off; `areas` and `ends` count from the beginning. */
function averages(areas: Float64Array, ends: Float64Array): Replication {
  const series = areas.map((area, window) => {
    const before = window === 0 ? 0 : areas[window - 1];
    const began = window === 0 ? 0 : ends[window - 1];
    return (area - before) / (ends[window] - began);
  });
  const cut = warmUpLength(series);
  const last = ends.length - 1;
  const [began, before] = cut === 0 ? [0, 0] : [ends[cut - 1], areas[cut - 1]];
  const cycles = ends[last] - began;
  return {
    waiting: (areas[last] - before) / cycles,
    acquisitionsPerCycle: ((last + 1 - cut) * windowAcquisitions) / cycles,
  };
}
