/**
 * How this machine's clock stands to the control clock, which is Redis' own.
 *
 * An exchange has four times: sent and received here (CLOCK_MONOTONIC), arrived and answered there. Redis says only one
 * of the latter, TIME, which stands for both. It was read somewhere between sending and receiving, so the offset is
 * known to ± half the round trip; the exchange with the shortest round trip is believed. Times made this way align
 * records and start a trial everywhere at once; no latency is ever computed from them.
 */

import type { Redis } from 'ioredis';
import { withDeadline } from './connection.ts';

/** Control clock minus CLOCK_MONOTONIC of this machine, and the most by which that may be wrong. */
export interface ClockOffset {
  readonly offsetMicroseconds: number;
  readonly boundMicroseconds: number;
}

export interface ClockExchange {
  readonly sentMonotonicNs: bigint;
  readonly receivedMonotonicNs: bigint;
  /** Since 1970, by Redis. */
  readonly controlMicroseconds: number;
}

/** TIME is cut to whole microseconds, and so are our own readings. */
const resolutionMicroseconds = 2;
const exchangeMs = 1_000;

/** CLOCK_MONOTONIC: the same in every thread and process of a machine; stands still for no one but a suspended machine. */
export function monotonicNs(): bigint {
  return process.hrtime.bigint();
}

/** The offset as the best of `exchanges` tells it. @throws {RangeError} when there is none. */
export function offsetFrom(exchanges: readonly ClockExchange[]): ClockOffset {
  const [best] = [...exchanges].sort((one, other) => Number(roundTripNs(one) - roundTripNs(other)));
  if (best === undefined) throw new RangeError('Cannot tell the offset of a clock: there was no exchange');
  const middleMicroseconds = Number((best.sentMonotonicNs + best.receivedMonotonicNs) / 2000n);
  return {
    offsetMicroseconds: best.controlMicroseconds - middleMicroseconds,
    boundMicroseconds: Math.ceil(Number(roundTripNs(best)) / 2000) + resolutionMicroseconds,
  };
}

/** @throws when Redis does not answer within a second. */
export async function measureClock(redis: Redis, exchanges: number): Promise<ClockOffset> {
  const made: ClockExchange[] = [];
  for (let index = 0; index < exchanges; index++) {
    const sentMonotonicNs = monotonicNs();
    const [seconds, microseconds] = await withDeadline(
      redis.time(),
      exchangeMs,
      'Cannot read the control clock',
    );
    const receivedMonotonicNs = monotonicNs();
    made.push({
      sentMonotonicNs,
      receivedMonotonicNs,
      controlMicroseconds: Number(seconds) * 1e6 + Number(microseconds),
    });
  }
  return offsetFrom(made);
}

export function toMonotonicNs(controlMicroseconds: number, clock: ClockOffset): bigint {
  return BigInt(Math.round(controlMicroseconds - clock.offsetMicroseconds)) * 1000n;
}

export function toControlMicroseconds(monotonic: bigint, clock: ClockOffset): number {
  return Number(monotonic / 1000n) + clock.offsetMicroseconds;
}

function roundTripNs({ sentMonotonicNs, receivedMonotonicNs }: ClockExchange): bigint {
  return receivedMonotonicNs - sentMonotonicNs;
}
