/**
 * Hosts with user-level stacks on a network that loses, repeats, reorders, spoils, delays and throttles frames, all under
 * one virtual clock. The same options and seed give the same run, frame by frame. Time jumps to when something is due,
 * so hours of waiting pass in milliseconds.
 *
 *   every host: poll ─► takeEvents ─► its application ─► flush      until all are quiet; then the clock jumps
 *
 *   stack ─► tap ─► shape (speed, queue) ─► faults (loss, delay, …) ─► switch ─► the other's tap ─► stack
 *
 * STAMPEDE_TRACE=1 writes every frame that the hosts send and receive to stderr.
 */

import { seededRandom } from '../../measurement/random.ts';
import { type Faults, faultyLink } from '../../net/links/faulty-link.ts';
import { frameBatch, type Link } from '../../net/links/link.ts';
import { traceLink } from '../../net/links/trace-link.ts';
import { Stack, type StackOptions } from '../../net/stack.ts';
import { MemorySwitch } from './memory-switch.ts';
import { type LinkShape, ShapedLink } from './shaped-link.ts';
import { TappedLink } from './tapped-link.ts';
import { WireInspector } from './wire-inspector.ts';

/** What drives a stack: a server, a client, a test. */
export interface Application {
  /** One turn, after the stack's. @param events how many entries of `stack.events` are new. */
  turn(stack: Stack, events: number, nowUs: number): void;
  /** When it wants a turn although nothing comes; Infinity: never. */
  dueUs(): number;
}

export interface HostOptions {
  /** Of the stack, other than the defaults. */
  readonly stack?: Partial<Omit<StackOptions, 'link' | 'addresses' | 'random'>>;
  /** What happens to the frames that it sends. */
  readonly faults?: Faults;
  readonly shape?: LinkShape;
  /** How many addresses it has (1). */
  readonly addresses?: number;
}

export interface NetworkOptions {
  readonly seed: number;
  readonly hosts: readonly HostOptions[];
  /** Ports without a stack, behind the hosts': for crafted frames. */
  readonly barePorts?: number;
  /** Bytes of the longest IP packet (1,500). */
  readonly mtu?: number;
  /** Of all hosts together (8,192). */
  readonly frames?: number;
  /** Hosts ask for each other by ARP; else they know each other from the start. */
  readonly usesArp?: boolean;
  readonly isDigested?: boolean;
  /** Every frame that a stack sends is looked at by a WireInspector, and the stacks' books now and then (true). */
  readonly isInspected?: boolean;
  /** The clock's first value, in microseconds. */
  readonly startUs?: number;
}

/** 198.18.0.0/15 is kept for benchmarks (RFC 2544); each host has 256 of its addresses. */
const firstAddress = 0xc612_0000;
const networkBits = 15;
/** So many rounds at one instant are no traffic but a loop. */
const mostRounds = 20_000;
const leastStepUs = 1;
const turnsPerAudit = 16;
/** A stack may be asked to wait for a frame of the pool, which takes 100 µs a time. */
const mostIdleSteps = 10_000;

export class SimulatedHost {
  readonly link: TappedLink;
  readonly addresses: Uint32Array;
  application: Application | null = null;
  /** A host that is off does nothing; its frames and those to it are lost. */
  isOn = true;
  stack: Stack;
  readonly #boot: () => Stack;
  readonly #unheard = frameBatch(256);

  constructor(link: TappedLink, addresses: Uint32Array, boot: () => Stack) {
    this.link = link;
    this.addresses = addresses;
    this.#boot = boot;
    this.stack = boot();
  }

  get address(): number {
    return this.addresses[0]!;
  }

  /** It vanishes, without a word. */
  turnOff(): void {
    this.isOn = false;
    this.link.isPluggedIn = false;
  }

  /** It is back, with a new stack, and knows nothing of before. */
  turnOn(): void {
    this.isOn = true;
    this.link.isPluggedIn = true;
    this.stack = this.#boot();
  }

  /** @returns whether anything happened. */
  turn(nowUs: number): boolean {
    if (!this.isOn) {
      this.link.receive(this.#unheard, nowUs);
      this.link.flush(nowUs);
      return false;
    }
    const sent = this.link.sentFrames;
    const frames = this.stack.poll(nowUs);
    const events = this.stack.takeEvents();
    this.application?.turn(this.stack, events, nowUs);
    this.stack.flush();
    return frames > 0 || events > 0 || this.link.sentFrames > sent;
  }

  dueUs(): number {
    const held = this.link.dueAtUs();
    if (!this.isOn) return held;
    return Math.min(held, this.stack.nextDueUs(), this.application?.dueUs() ?? Number.POSITIVE_INFINITY);
  }
}

export class SimulatedNetwork {
  readonly hosts: readonly SimulatedHost[];
  /** Ports for frames that no stack makes. */
  readonly barePorts: readonly Link[];
  nowUs: number;
  readonly #switch: MemorySwitch;
  readonly #isInspected: boolean;
  #idleSteps = 0;
  #settled = 0;

  constructor(options: NetworkOptions) {
    const { hosts, barePorts = 0, seed } = options;
    const ports = hosts.length + barePorts;
    const { frames = 8_192, mtu = 1_500, startUs = 0 } = options;
    this.nowUs = startUs;
    this.#switch = new MemorySwitch({ ports, frames, mtu });
    this.hosts = hosts.map((host, index) => {
      const port = this.#switch.ports[index]!;
      const random = seededRandom(seed, `faults of host ${index}`);
      const faulty = host.faults === undefined ? port : faultyLink(port, host.faults, random);
      const shaped = host.shape === undefined ? faulty : new ShapedLink(faulty, host.shape);
      const traced = process.env.STAMPEDE_TRACE === '1' ? traceLink(shaped, tracer(index)) : shaped;
      return hostOf(new TappedLink(traced, options.isDigested ?? false), host, index, seed);
    });
    this.barePorts = this.#switch.ports.slice(hosts.length);
    this.#isInspected = options.isInspected ?? true;
    const inspector = new WireInspector(mtu);
    if (this.#isInspected)
      for (const { link } of this.hosts)
        link.watchers.push((view, at, length) => inspector.sees(view, at, length));
    for (const host of this.hosts) this.introduce(host, options.usesArp ?? false);
  }

  /** Frames that are under way, or that somebody forgot to give back. */
  get framesInUse(): number {
    return this.#switch.frames - this.#switch.freeFrames;
  }

  /** Of all frames that all hosts sent, and when. */
  get digest(): string {
    return this.hosts.map(({ link }) => link.digest).join(' ');
  }

  /** Tells a host of the others; once more after it was turned on again. */
  introduce(host: SimulatedHost, usesArp = false): void {
    host.stack.setRoute(firstAddress, networkBits, 0);
    if (usesArp) return;
    for (const other of this.hosts)
      for (const address of other.addresses)
        if (other !== host) host.stack.setNeighbour(address, other.link.hardwareAddress);
  }

  /**
   * Everything that happens now, at this instant. @returns whether anything did.
   * @throws {Error} it does not end.
   */
  settle(): boolean {
    for (let round = 0; round < mostRounds; round++) {
      // A frame that was held back may arrive at a host that had its turn before.
      const forwarded = this.#switch.forwarded;
      let isActive = false;
      for (const host of this.hosts) if (host.turn(this.nowUs)) isActive = true;
      if (isActive || this.#switch.forwarded > forwarded) continue;
      if (this.#settled++ % turnsPerAudit === 0) this.#audit();
      return round > 0;
    }
    throw new Error(
      `The network does not come to rest at ${this.nowUs / 1e6} s: after ${mostRounds} rounds there is still something to do`,
    );
  }

  /** @throws {Error} a stack is not as it must be. */
  #audit(): void {
    if (!this.#isInspected) return;
    for (const [index, { stack, isOn }] of this.hosts.entries()) {
      const fault = isOn ? stack.fault() : '';
      if (fault !== '')
        throw new Error(`Host ${index} is not as it must be at ${this.nowUs / 1e6} s: ${fault}`);
    }
  }

  /** When the next thing happens; Infinity: nothing ever will. */
  dueUs(): number {
    return Math.min(...this.hosts.map((host) => host.dueUs()));
  }

  /**
   * Lets time pass until `isDone`, looked at whenever all is quiet.
   * @throws {Error} it is not done after `mostUs`, or nothing is due any more.
   */
  runUntil(isDone: () => boolean, mostUs: number): void {
    const endUs = this.nowUs + mostUs;
    this.settle();
    while (!isDone()) {
      const dueUs = this.dueUs();
      if (dueUs > endUs)
        throw new Error(
          `The simulation does not get done: at ${this.nowUs / 1e6} s ${dueUs === Number.POSITIVE_INFINITY ? 'nothing is due any more' : `time is up, after ${mostUs / 1e6} s`}`,
        );
      this.#goTo(dueUs);
    }
  }

  /** Lets so much time pass. */
  run(forUs: number): void {
    const endUs = this.nowUs + forUs;
    this.settle();
    for (let dueUs = this.dueUs(); dueUs <= endUs; dueUs = this.dueUs()) this.#goTo(dueUs);
    this.nowUs = endUs;
    this.settle();
  }

  /** Who says that something is due has to do something then: a little later at the latest, as clocks are rounded. */
  #goTo(dueUs: number): void {
    const isLate = dueUs <= this.nowUs;
    this.nowUs = isLate ? this.nowUs + leastStepUs : dueUs;
    const isActive = this.settle();
    this.#idleSteps = isLate && !isActive ? this.#idleSteps + 1 : 0;
    if (this.#idleSteps === mostIdleSteps)
      throw new Error(
        `The network spins at ${this.nowUs / 1e6} s: something is said to be due since ${dueUs / 1e6} s, and nothing is done`,
      );
  }
}

function hostOf(link: TappedLink, options: HostOptions, index: number, seed: number): SimulatedHost {
  const count = options.addresses ?? 1;
  const addresses = Uint32Array.from(
    { length: count },
    (_, number) => firstAddress + 256 * (index + 1) + number + 1,
  );
  const random = seededRandom(seed, `stack of host ${index}`);
  const word = (): number => Math.floor(random() * 2 ** 32);
  const usual = { maxConnections: 64, buffers: { memoryBytes: 1 << 24 } };
  return new SimulatedHost(
    link,
    addresses,
    () => new Stack({ ...usual, ...options.stack, link, addresses, random: word }),
  );
}

function tracer(index: number): (line: string) => void {
  return (line) => process.stderr.write(`${index}: ${line}\n`);
}
