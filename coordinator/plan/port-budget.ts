/**
 * Do the ports suffice? Proved before anything starts, because a generator that runs out of ports measures itself.
 *
 * A connection is named by source address, source port, target address, target port. Who closes first keeps that name
 * in TIME_WAIT for 60 s (RFC 9293, 3.6.1; Linux' TCP_TIMEWAIT_LEN):
 *
 *   client-fin   the client: its port is taken for 60 s, or until tcp_tw_reuse lets it go (1 s, RFC 6191 timestamps);
 *                the `packet` engine keeps TIME_WAIT itself, for 1 s, and has ports of its own; `k6` binds before it
 *                connects where it has several source addresses, and a bound port is not let go before its time
 *   client-rst   nobody: the port is free at once
 *   server-fin   the server, which lets a newer SYN have the name (RFC 6191): the client's port is free at once
 *
 * Pure arithmetic on facts that come in; it refuses to guess a machine's settings. The one assumption, the rate of a
 * closed loop, is named in every sentence that rests on it, and a shortage that rests on it is doubtful, not impossible.
 */

import type { Cell, CloseMode, Engine } from '../../protocol/cell.ts';
import { packetPorts, packetRestSeconds } from '../../protocol/packet-ports.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import type { LabKind } from './lab-choice.ts';
import type { Machine } from './machine.ts';

/** A closed loop goes as fast as it can; more than this from one load core has not been seen. */
export const assumedPerLoadCore: Readonly<Record<Engine, number>> = {
  socket: 40_000,
  packet: 300_000,
  k6: 5_000,
};
export const timeWaitSeconds = 60;
/** Inside namespaces of our own, `coordinator/labs/namespaces.ts` sets this range and tcp_tw_reuse 1. */
export const namespacePorts = { low: 1024, high: 65_535 } as const;
const maxSourceAddresses = 1000;

/** The facts about a lab's network that ports depend on. */
export interface Network {
  readonly agents: number;
  readonly sourceAddressesEach: number;
  /** That the kernel, or the `packet` engine, may choose from, for each source address. */
  readonly ports: number;
  readonly targetAddresses: number;
  /** How long a client's TIME_WAIT keeps its port from the same target, and why. */
  readonly holdSeconds: number;
  readonly holdReason: string;
  /** A held port is lost to every other target, too: so trials add up, whatever the server's port. */
  readonly heldForAll: boolean;
  /** What `holdSeconds` is with more source addresses than these. */
  readonly holdSecondsOfMore: number;
  /** The close mode of this engine that leaves the client no TIME_WAIT. */
  readonly freeClose: CloseMode;
  /** That make load with this engine. */
  readonly loadCores: number;
  /** What a closed loop is assumed to make on one of them. */
  readonly perLoadCore: number;
}

export interface PortBudget {
  readonly heldBy: 'client' | 'server' | 'nobody';
  readonly holdSeconds: number;
  /** Source addresses × ports × target addresses. */
  readonly available: number;
  /** Taken at the same time, at the end of a trial. */
  readonly needed: number;
  readonly connectionsPerSecond: number | null;
  /** True when `connectionsPerSecond` is an assumption. */
  readonly assumed: boolean;
  readonly verdict: 'enough' | 'doubtful' | 'impossible';
  /** The proof, or the smallest change that would make it possible, in a sentence. */
  readonly says: string;
}

export function networkOf(
  lab: Exclude<LabKind, 'cluster'>,
  scenario: Scenario,
  machine: Machine,
  loadCores: number,
  engine: Engine,
): Network {
  const { sourceAddresses, count } = scenario.agents;
  const common = {
    agents: count,
    sourceAddressesEach: sourceAddresses,
    targetAddresses: 1,
    loadCores: engine === 'packet' ? Math.min(count, loadCores) : loadCores,
    perLoadCore: assumedPerLoadCore[engine],
    heldForAll: false,
    freeClose: engine === 'k6' ? 'server-fin' : 'client-rst',
  } as const;
  if (engine === 'packet') {
    return {
      ...common,
      ports: packetPorts.high - packetPorts.low + 1,
      holdSeconds: packetRestSeconds,
      holdSecondsOfMore: packetRestSeconds,
      holdReason: "the packet engine's own rest",
    };
  }
  const ports =
    lab === 'namespaces'
      ? namespacePorts.high - namespacePorts.low + 1
      : machine.ports.high - machine.ports.low + 1 - machine.ports.reserved;
  if (engine === 'k6' && sourceAddresses > 1) {
    return {
      ...common,
      ports,
      holdSeconds: timeWaitSeconds,
      holdSecondsOfMore: timeWaitSeconds,
      holdReason: 'k6 binds its source addresses, and tcp_tw_reuse does not help who binds',
      heldForAll: true,
    };
  }
  const [holdSeconds, holdReason] = reuseOf(lab, machine);
  return {
    ...common,
    // One address is all that agents on loopback have by k6: the kernel's choice.
    agents: engine === 'k6' && lab === 'loopback' ? 1 : count,
    ports,
    holdSeconds,
    holdSecondsOfMore: engine === 'k6' ? timeWaitSeconds : holdSeconds,
    holdReason,
  };
}

/** How long the kernel keeps a port that it chose itself, and by which setting. */
function reuseOf(lab: Exclude<LabKind, 'cluster'>, machine: Machine): readonly [seconds: number, by: string] {
  const delay = machine.timeWaitReuseDelaySeconds;
  if (lab === 'namespaces') return [delay, `tcp_tw_reuse 1 in the lab's namespaces`];
  const setting = `tcp_tw_reuse ${machine.timeWaitReuse}${machine.timestamps ? '' : ', tcp_timestamps 0'}`;
  return [machine.timeWaitReuse !== 0 && machine.timestamps ? delay : timeWaitSeconds, setting];
}

const holders: Record<CloseMode, PortBudget['heldBy']> = {
  'client-fin': 'client',
  'client-rst': 'nobody',
  'server-fin': 'server',
};

export function portBudget(
  cell: Pick<Cell, 'close' | 'concurrency' | 'rate'>,
  scenario: Pick<Scenario, 'port' | 'warmUpSeconds' | 'measuredSeconds'>,
  network: Network,
): PortBudget {
  const heldBy = holders[cell.close];
  const sources = network.agents * network.sourceAddressesEach;
  const available = sources * network.ports * network.targetAddresses;
  const assumed = cell.rate === null;
  const connectionsPerSecond = cell.rate ?? network.loadCores * network.perLoadCore;
  const open = cell.concurrency ?? 0;

  // A free port of the server's own for each trial makes every trial's names new; a fixed one lets trials add up.
  const trialSeconds = scenario.warmUpSeconds + scenario.measuredSeconds;
  const holdSeconds = heldBy === 'client' ? network.holdSeconds : 0;
  const addsUp = scenario.port !== 0 || network.heldForAll;
  const heldFor = addsUp ? holdSeconds : Math.min(holdSeconds, trialSeconds);
  const needed = Math.ceil(connectionsPerSecond * heldFor) + open;

  // Open connections are certain; what a closed loop leaves behind is not.
  const verdict = needed <= available ? 'enough' : assumed && open <= available ? 'doubtful' : 'impossible';
  const budget = { heldBy, holdSeconds, available, needed, connectionsPerSecond, assumed, verdict } as const;
  return { ...budget, says: sentence(budget, cell, network, heldFor) };
}

function sentence(
  budget: Omit<PortBudget, 'says'>,
  cell: Pick<Cell, 'close' | 'concurrency' | 'rate'>,
  network: Network,
  heldFor: number,
): string {
  const { heldBy, available, needed, assumed, connectionsPerSecond } = budget;
  const sources = network.agents * network.sourceAddressesEach;
  const there =
    `${amount(available)} ports are there (${sources} source address${sources === 1 ? '' : 'es'} × ` +
    `${amount(network.ports)} ports × ${network.targetAddresses} target address)`;
  const rate = `${amount(connectionsPerSecond ?? 0)} connections/s${assumed ? ` (assumed: ${amount(network.perLoadCore)} a load core)` : ''}`;
  const held =
    heldBy === 'client'
      ? `${cell.close} leaves TIME_WAIT with the client for ${seconds(budget.holdSeconds)} (${network.holdReason}), at ${rate}`
      : heldBy === 'server'
        ? `${cell.close} leaves TIME_WAIT with the server, a port is free when its connection ends`
        : `${cell.close} leaves no TIME_WAIT, a port is free when its connection ends`;
  if (budget.verdict === 'enough') return `${held}: ${amount(needed)} needed, ${there}.`;
  const action = budget.verdict === 'doubtful' ? 'Ports may run out' : 'Ports cannot suffice';
  return `${action}: ${held}: ${amount(needed)} needed, ${there}; wanted ${smallestChange(budget, cell, network, heldFor)}.`;
}

/** More source addresses when those can be had, else less load. */
function smallestChange(
  budget: Omit<PortBudget, 'says'>,
  cell: Pick<Cell, 'concurrency' | 'rate'>,
  network: Network,
  heldFor: number,
): string {
  const oneEach = network.agents * network.ports * network.targetAddresses;
  const grows = network.holdSecondsOfMore - network.holdSeconds;
  const needed =
    budget.needed + (budget.heldBy === 'client' ? (budget.connectionsPerSecond ?? 0) * grows : 0);
  const sourcesEach = Math.ceil(needed / Math.max(1, oneEach));
  if (network.ports > 0 && sourcesEach <= maxSourceAddresses) return `agents.sourceAddresses: ${sourcesEach}`;
  const most = oneEach * maxSourceAddresses;
  if (cell.rate !== null)
    return `rate: ${Math.floor(most / heldFor)} with agents.sourceAddresses: ${maxSourceAddresses}, or close: ${network.freeClose}`;
  return cell.concurrency !== null && cell.concurrency > most
    ? `concurrency: ${most} at most with agents.sourceAddresses: ${maxSourceAddresses}`
    : `close: ${network.freeClose}, or tcp_tw_reuse 1 and a wider ip_local_port_range`;
}

function amount(count: number): string {
  return Math.ceil(count).toLocaleString('en-US');
}

function seconds(value: number): string {
  return `${value} s`;
}
