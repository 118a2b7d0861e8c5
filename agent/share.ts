/**
 * What each thread of an agent does of a trial. A share follows from the order alone: index and count, cell, seed, and
 * the agent's own cores; nobody hands it out.
 *
 * Concurrency and rate are split without a remainder: over all agents and threads they sum to the cell's. A thread that
 * gets nothing is not started.
 */

import { seededRandom } from '../measurement/random.ts';
import type { ShareOrder } from '../protocol/messages.ts';
import type { LoadOrder } from './load.ts';

export interface AgentPlace {
  readonly cores: readonly number[];
  /** Path of the network namespace that load threads enter; null: stay. */
  readonly namespace: string | null;
}

/** Rates are split in millionths of a connection a second: whole numbers, so that the parts sum to the whole. */
const rateUnitsPerConnection = 1e6;
const leastOpen = 64;
const mostOpen = 4_096;
/** Of buffers for connections in an open loop, a thread. */
const openBytes = 64 * 1024 * 1024;

/** One order a thread, in the order of the cores. */
export function shareOf(order: ShareOrder, place: AgentPlace): readonly LoadOrder[] {
  const threads = threadsOf(order, place);
  return threads.flatMap((cores, thread) => {
    const load = loadOf(order, thread, threads.length);
    if (load === null) return [];
    const { cell } = order;
    return [
      {
        engine: cell.engine,
        cores,
        namespace: place.namespace,
        target: order.target,
        sourceAddresses: sourcesOf(order.sourceAddresses, thread, threads.length),
        application: order.application,
        messages: cell.messages,
        requestBytes: cell.requestBytes,
        responseBytes: cell.responseBytes,
        close: cell.close,
        load,
        warmUpSeconds: order.warmUpSeconds,
        measuredSeconds: order.measuredSeconds,
        connectTimeoutMs: Math.round(order.connectSeconds * 1000),
        responseTimeoutMs: Math.round(order.responseSeconds * 1000),
        backend: 'auto',
        thresholds: thresholdsOf(order),
      } satisfies LoadOrder,
    ];
  });
}

/**
 * The cores of each thread that makes load. `packet` has one thread a device, since an answer may come in on any queue of
 * it, and only one thread may own a queue: more of an agent's cores stay idle. `k6` is one process that spreads itself.
 */
function threadsOf(order: ShareOrder, { cores }: AgentPlace): readonly (readonly number[])[] {
  switch (order.cell.engine) {
    case 'socket':
      return cores.map((core) => [core]);
    case 'packet':
      return [cores.slice(0, 1)];
    case 'k6':
      return [cores];
  }
}

/** What is said of an agent's cores that make no load with this engine; empty when they all do. */
export function idleCoresNote(order: ShareOrder, place: AgentPlace): Record<string, string> {
  const used = threadsOf(order, place).flat();
  const idle = place.cores.filter((core) => !used.includes(core));
  if (idle.length === 0) return {};
  return {
    'generator.idleCores': `cores ${idle.join(', ')} made no load: one thread owns all queues of a device; wanted an agent a core`,
  };
}

function loadOf(order: ShareOrder, thread: number, threads: number): LoadOrder['load'] | null {
  const { concurrency, rate } = order.cell;
  const split = (whole: number) => partOf(partOf(whole, order.index, order.count), thread, threads);
  if (concurrency !== null) {
    const part = split(concurrency);
    return part === 0 ? null : { kind: 'closed', concurrency: part };
  }
  const units = split(Math.round((rate ?? 0) * rateUnitsPerConnection));
  if (units === 0) return null;
  const ratePerSecond = units / rateUnitsPerConnection;
  return {
    kind: 'open',
    ratePerSecond,
    maxOpen: maxOpenOf(order, ratePerSecond),
    seed: seedOf(order, thread),
  };
}

/**
 * Part `index` of `count` parts of a whole number; they sum to it, and none differs from another by more than 1.
 * Products stay whole up to 2^53: 10^13 units times 256 agents is under that.
 */
export function partOf(whole: number, index: number, count: number): number {
  const each = Math.floor(whole / count);
  return each + (index < whole - each * count ? 1 : 0);
}

/** As many as can be open when every one of them takes its whole time limit, within what memory is worth. */
function maxOpenOf(order: ShareOrder, ratePerSecond: number): number {
  const { messages, requestBytes, responseBytes } = order.cell;
  const longestSeconds = order.connectSeconds + messages * order.responseSeconds;
  const affordable = Math.floor(openBytes / (requestBytes + responseBytes));
  const wanted = Math.max(leastOpen, Math.ceil(ratePerSecond * longestSeconds));
  return Math.max(leastOpen, Math.min(wanted, mostOpen, affordable));
}

/** A rate over all agents is each one's share of it; latencies are nobody's share. */
function thresholdsOf({ thresholds = [], count }: ShareOrder): LoadOrder['thresholds'] {
  const scaled = (bound: number | undefined) => (bound === undefined ? undefined : bound / count);
  return thresholds.map(({ metric, min, max }) =>
    metric === 'connectionsPerSecond'
      ? { metric, ...definedOnly({ min: scaled(min), max: scaled(max) }) }
      : { metric, ...definedOnly({ min, max }) },
  );
}

function definedOnly({ min, max }: { min: number | undefined; max: number | undefined }) {
  return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
}

/** A seed of its own for every thread of every agent: two with one seed would start connections at the same instants. */
function seedOf(order: ShareOrder, thread: number): number {
  return Math.floor(seededRandom(order.seed, `arrivals ${order.index}/${order.count} ${thread}`)() * 2 ** 32);
}

/** Each address belongs to one thread, so that no two compete for its ports; with too few, threads share. */
function sourcesOf(addresses: readonly string[], thread: number, threads: number): readonly string[] {
  if (addresses.length === 0) return [];
  if (addresses.length < threads) return [addresses[thread % addresses.length] as string];
  return addresses.filter((_, index) => index % threads === thread);
}
