/**
 * A flood by k6, from the barrier to the result. Unlike the other floods it leaves its thread an event loop: the thread
 * makes no load, it reads what k6 tells, and 50 times a second looks at command, lease and clock.
 *
 *   paused ──start──► running ──share over──► ended by itself: counted, its summary kept
 *      └── stop, lease ──┴──► killed (stopped early)       └── anything else: the attempt fails
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { K6Summary } from '../../../protocol/k6.ts';
import { mostSummaryCharacters } from '../../../protocol/k6.ts';
import type { LoadOrder, ThreadResult } from '../../load.ts';
import { Command, type Lease, type LoadControl } from '../../load-control.ts';
import { toThreadMs } from '../../monotonic.ts';
import type { K6Child, K6End } from './k6-child.ts';
import type { K6RestApi } from './rest-api.ts';
import { parseLine } from './sample-line.ts';
import { SampleTally } from './sample-tally.ts';
import { drainMsOf } from './script.ts';
import { readClocks, WallClock } from './wall-clock.ts';

const lookEveryMs = 20;
const extendEveryMs = 250;
const askEveryMs = 1_000;
/** After the drain, k6 closes its books. */
const closingMs = 5_000;
/** k6's own status when one of its thresholds does not hold: the coordinator judges, this is no failure. */
const thresholdsBroken = 99;

export interface K6FloodParts {
  readonly order: LoadOrder;
  readonly control: LoadControl;
  readonly lease: Lease;
  readonly child: K6Child;
  readonly api: K6RestApi;
  readonly version: string;
}

export class K6Flood {
  readonly #parts: K6FloodParts;
  readonly #clock = new WallClock();
  readonly #notes: Record<string, string> = {};
  #tally: SampleTally | null = null;
  #summary: Omit<K6Summary, 'version'> | null = null;
  #stopReason: string | null = null;
  #fault: string | null = null;
  #overdueMs = Number.POSITIVE_INFINITY;
  #extendAtMs = 0;
  #askAtMs: number[] = [];
  #isAsking = false;

  constructor(parts: K6FloodParts) {
    this.#parts = parts;
    this.#clock.look(readClocks());
  }

  /** A line that k6 printed. @throws {Error} when it is no line of ours, or comes before the start. */
  take(text: string): void {
    const line = parseLine(text);
    if (line.kind === 'words') this.#parts.child.keepWords(line.text);
    else if (line.kind === 'summary') this.#summary = line.summary;
    else if (this.#tally === null) throw new Error('k6 made a connection before it was told to begin');
    else this.#tally.add(line.sample);
  }

  /** @throws {Error} when k6 ends otherwise than it should. */
  async run(): Promise<ThreadResult> {
    const { order, child, api } = this.#parts;
    const looking = setInterval(() => this.#look(), lookEveryMs);
    try {
      const startMs = await this.#untilStart();
      const fromMs = startMs + order.warmUpSeconds * 1000;
      const untilMs = fromMs + order.measuredSeconds * 1000;
      if (this.#stopReason === null) await this.#begin(startMs, fromMs, untilMs);
      const end = await child.ended;
      this.#look();
      if (this.#stopReason === null) this.#refuse(end);
      return this.#result(startMs, fromMs);
    } finally {
      clearInterval(looking);
      api.close();
      child.kill();
    }
  }

  async #untilStart(): Promise<number> {
    const { control, child } = this.#parts;
    const gone = child.ended.then(() => true);
    const wait = (ms: number) => Promise.race([gone, sleep(ms).then(() => false)]);
    const isOver = () => this.#stopReason !== null;
    while (control.command === Command.none && !isOver()) if (await wait(2)) break;
    const startMs = toThreadMs(Number(control.startAtMonotonicNs));
    for (let left = startMs - performance.now(); left > 0 && !isOver(); left = startMs - performance.now())
      if (await wait(Math.min(left, lookEveryMs))) break;
    return startMs;
  }

  async #begin(startMs: number, fromMs: number, untilMs: number): Promise<void> {
    const { order, control, child, api } = this.#parts;
    this.#tally = new SampleTally({
      control,
      kind: order.load.kind,
      startMs,
      measureFromMs: fromMs,
      measureUntilMs: untilMs,
      toThreadMs: (wallMs) => this.#clock.toThreadMs(wallMs),
    });
    if (order.load.kind === 'open') this.#askAtMs = askTimes(startMs, fromMs, untilMs);
    this.#overdueMs = untilMs + drainMsOf(order) + closingMs;
    // One that has ended cannot be told; why it ended says more.
    await Promise.race([child.ended, api.resume()]);
  }

  /** Command, lease, clocks; what was dropped, when it is time. */
  #look(): void {
    const { child, lease } = this.#parts;
    const nowMs = performance.now();
    this.#clock.look(readClocks());
    if (this.#clock.jumpedMs !== 0)
      this.#fault ??= `the wall clock of this machine was set by ${Math.round(this.#clock.jumpedMs)} ms: k6's times are of no use`;
    if (nowMs > this.#overdueMs) this.#fault ??= 'it does not end, though its share is over';
    if (this.#isToStop() || this.#fault !== null) {
      child.kill();
      return;
    }
    if (nowMs >= this.#extendAtMs) {
      this.#extendAtMs = nowMs + extendEveryMs;
      child.extend(lease.endsAtNs());
    }
    if (nowMs >= (this.#askAtMs[0] ?? Number.POSITIVE_INFINITY)) void this.#ask();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const dueMs = this.#askAtMs.shift() ?? 0;
    try {
      this.#tally?.dropped(await this.#parts.api.dropped(), performance.now());
    } catch {
      // Near the end nobody answers any more; the summary has the sum.
    }
    this.#isAsking = false;
    if (performance.now() - dueMs > 2 * lookEveryMs * 5)
      this.#notes.connections =
        'k6 told late of starts that it dropped: those at the ends of the measured interval may be counted outside of it';
  }

  #isToStop(): boolean {
    const { control, lease } = this.#parts;
    if (control.command === Command.stop) this.#stopReason ??= 'told to stop';
    else if (performance.now() >= toThreadMs(lease.endsAtNs())) this.#stopReason ??= 'its lease ran out';
    return this.#stopReason !== null;
  }

  #refuse({ status, how }: K6End): void {
    const samples = this.#tally?.samples ?? 0;
    const iterations = this.#summary?.metrics.iterations?.count ?? 0;
    const reason =
      this.#fault ??
      (status !== 0 && status !== thresholdsBroken
        ? how
        : this.#summary === null
          ? `${how} without its summary`
          : samples !== iterations
            ? `says that it made ${iterations} connections, and told of ${samples}`
            : null);
    if (reason !== null) throw new Error(`Cannot make load: k6 ${reason}`);
  }

  #result(startMs: number, fromMs: number): ThreadResult {
    const { order, control, version } = this.#parts;
    const stopped = this.#stopReason !== null;
    const counted = this.#tally ?? this.#nothing(startMs);
    const dropped = this.#summary?.metrics.dropped_iterations?.count;
    if (dropped !== undefined) counted.dropped(dropped, performance.now());
    const { tally } = counted;
    const loadedSeconds = Math.max(0, performance.now() - fromMs) / 1000;
    return {
      counts: tally.counts(),
      completedMeanwhile: tally.completedMeanwhile,
      lifetime: control.counts(),
      measuredSeconds: stopped ? Math.min(loadedSeconds, order.measuredSeconds) : order.measuredSeconds,
      histograms: {
        connect: tally.connect.encode(),
        firstByte: tally.firstByte.encode(),
        total: tally.total.encode(),
      },
      notes: { ...this.#notes, ...notesOf(order) },
      stoppedEarly: this.#stopReason,
      ...(this.#summary !== null && { k6: bounded({ version, ...this.#summary }) }),
    };
  }

  #nothing(startMs: number): SampleTally {
    const { order, control } = this.#parts;
    return new SampleTally({
      control,
      kind: order.load.kind,
      startMs,
      measureFromMs: startMs,
      measureUntilMs: startMs,
      toThreadMs: (wallMs) => wallMs,
    });
  }
}

/** Every second, and at both ends of the measured interval. */
function askTimes(startMs: number, fromMs: number, untilMs: number): number[] {
  const times = [fromMs, untilMs];
  for (let atMs = startMs + askEveryMs; atMs < untilMs; atMs += askEveryMs) times.push(atMs);
  return times.sort((one, other) => one - other);
}

function notesOf({ load }: LoadOrder): Record<string, string> {
  if (load.kind === 'closed') return {};
  return {
    latencySeconds:
      'k6 starts connections evenly spaced, not at random, and its latencies count from their starts: how late those were is not in them',
  };
}

/** Without its metrics, where they would be too much for the message. */
function bounded(summary: K6Summary): K6Summary {
  return JSON.stringify(summary).length <= mostSummaryCharacters ? summary : { ...summary, metrics: {} };
}
