/** Waiting along CLOCK_MONOTONIC, from the start of a trial: to within a timer's millisecond, when the loop is free. */

import { monotonicNs } from './clock.ts';

const longestTimerMs = 60_000;
/** A report made later than this is not of its second any more. */
const lateMs = 400;

/** @throws the signal's reason as soon as it aborts. */
export async function untilMonotonic(atNs: bigint, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const leftMs = Number(atNs - monotonicNs()) / 1e6;
    if (leftMs <= 0) return;
    await pause(Math.min(Math.ceil(leftMs), longestTimerMs), signal);
  }
}

/** `seconds` after `startNs`. */
export function after(startNs: bigint, seconds: number): bigint {
  return startNs + BigInt(Math.round(seconds * 1e9));
}

export interface SecondsSettings {
  readonly startAtNs: bigint;
  /** How long the trial is; a last part of a second has no report. */
  readonly seconds: number;
  /** Ends it without a word. */
  readonly signal: AbortSignal;
  /** The second of this number (from 0) has just ended. */
  readonly onSecond: (second: number) => void;
  /** So many seconds had passed unnoticed, because this thread was held up: what they were like is not known. */
  readonly onMissed: (seconds: number) => void;
}

/** Calls `onSecond` at the end of every second. Settles after the last one, or when the signal aborts; never rejects. */
export async function everySecond(settings: SecondsSettings): Promise<void> {
  const { startAtNs, signal } = settings;
  const total = Math.floor(settings.seconds);
  let second = 0;
  while (second < total) {
    try {
      await untilMonotonic(after(startAtNs, second + 1), signal);
    } catch {
      return;
    }
    const lateByMs = Number(monotonicNs() - after(startAtNs, second + 1)) / 1e6;
    if (lateByMs <= lateMs) {
      settings.onSecond(second++);
    } else {
      const missed = Math.min(Math.floor(lateByMs / 1000) + 1, total - second);
      settings.onMissed(missed);
      second += missed;
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, milliseconds);
    signal.addEventListener('abort', settle, { once: true });
  });
}
