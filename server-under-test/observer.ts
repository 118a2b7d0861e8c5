/**
 * What the system tells of a server from outside: the time of its cores, the misses of their caches where the machine counts
 * them, and the counters of its listening sockets, read at the two marks of the measured interval. Runs in the server's own
 * process, inside its network namespace; costs next to nothing between the marks.
 */

import { type CoreTicks, coreFractions, readCpuTimes } from '../linux/cpu-times.ts';
import { type ListenCounters, readListenCounters } from '../linux/network-counters.ts';
import { type CoreCount, CoreCounters, type CoreEvent, privateCacheMisses } from '../linux/perf-counters.ts';
import { messageOf } from '../protocol/failure.ts';
import type { ServerResult } from '../protocol/messages.ts';
import type { VariantResult } from './variants/variant.ts';

interface Reading {
  readonly atMs: number;
  readonly cpu: readonly CoreTicks[] | null;
  readonly listen: ListenCounters | null;
  readonly cacheMisses: readonly CoreCount[] | null;
}

const missesField = 'server.cacheMissesPerConnection';
/** A measured interval that was never ended, or is empty, still has a length. */
const shortestMs = 1;

export class Observer {
  readonly #cores: readonly number[];
  readonly #notes: Record<string, string> = {};
  readonly #misses: CoreCounters | null;
  #begin: Reading;
  #end: Reading | null = null;

  /**
   * Until told otherwise, the interval begins now and ends with result().
   * @param missEvent what counts misses of private caches, or why nothing does; by default, what this machine has.
   */
  constructor(cores: readonly number[], missEvent?: CoreEvent | string) {
    this.#cores = cores;
    this.#misses = this.#attempt(missesField, () => {
      const event = missEvent ?? privateCacheMisses();
      if (typeof event === 'string') throw new Error(event);
      return CoreCounters.open(event, cores);
    });
    this.#begin = this.#read();
  }

  begin(): void {
    this.#begin = this.#read();
    this.#end = null;
  }

  end(): void {
    this.#end = this.#read();
  }

  /** Ends the interval now, unless it has ended. */
  endIfOpen(): void {
    this.#end ??= this.#read();
  }

  /** What the design itself knows, beside what was seen from outside. The last call: its counters are closed. */
  result(design: VariantResult): ServerResult {
    const begin = this.#begin;
    const end = this.#end ?? this.#read();
    const cacheMisses = this.#attempt(missesField, () => this.#missesBetween(begin, end));
    this.#misses?.close();
    const times =
      begin.cpu === null || end.cpu === null ? null : coreFractions(begin.cpu, end.cpu, this.#cores);
    const complete = times !== null && times.length === this.#cores.length;
    if (!complete) {
      this.#notes['server.cores'] ??=
        'not measured: the counters of a core did not move (interval under 10 ms, or the core is offline)';
    }
    const difference = (name: keyof ListenCounters): number | null =>
      begin.listen === null || end.listen === null
        ? null
        : Math.max(0, end.listen[name] - begin.listen[name]);
    const { userLevel } = design;
    const byKernel = userLevel === undefined;
    return {
      measuredSeconds: Math.max(shortestMs, end.atMs - begin.atMs) / 1000,
      cores: complete
        ? times.map((time, index) => ({ ...time, accepted: design.acceptedByCore?.[index] ?? null }))
        : null,
      accepted: design.accepted,
      lifetimeAccepted: design.lifetimeAccepted,
      listenOverflows: byKernel ? difference('overflows') : (userLevel?.listenOverflows ?? null),
      listenDrops: byKernel ? difference('drops') : (userLevel?.listenDrops ?? null),
      cacheMisses,
      locality: design.locality,
      accept: design.accept,
      ...(byKernel ? {} : { userLevel: userLevel?.figures ?? null }),
      notes: limited({ ...this.#notes, ...design.notes }),
    };
  }

  #read(): Reading {
    return {
      atMs: performance.now(),
      cacheMisses: this.#attempt(missesField, () => this.#misses?.read() ?? null),
      cpu: this.#attempt('server.cores', readCpuTimes),
      listen: this.#attempt('server.listenOverflows', readListenCounters),
    };
  }

  #missesBetween(begin: Reading, end: Reading): number | null {
    if (this.#misses === null || begin.cacheMisses === null || end.cacheMisses === null) return null;
    return Math.max(0, this.#misses.between(begin.cacheMisses, end.cacheMisses));
  }

  #attempt<Value>(field: string, read: () => Value): Value | null {
    try {
      return read();
    } catch (error) {
      this.#notes[field] = `not measured: ${messageOf(error)}`;
      if (field === 'server.listenOverflows') this.#notes['server.listenDrops'] = this.#notes[field];
      return null;
    }
  }
}

/** A note over 500 characters would be refused on its way. */
function limited(notes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(notes).map(([field, text]) => [
      field,
      text.length > 500 ? `${text.slice(0, 499)}…` : text,
    ]),
  );
}
