/**
 * Random scenarios: two to four hosts, each with stack settings of its own, a bad network between them, and some
 * conversations, all drawn from one seed.
 */

import { seededRandom } from '../../measurement/random.ts';
import type { Faults } from '../../net/links/faulty-link.ts';
import { allParts, type Parts, type TimerSettings } from '../../net/tcp/settings.ts';
import type { EndPlan } from './conversation.ts';
import { Draw } from './draw.ts';
import { type HostOptions, SimulatedNetwork } from './simulated-network.ts';
import { Talkers } from './talkers.ts';
import type { FrameWatcher } from './tapped-link.ts';

const hourMs = 3_600_000;
const port = 80;
const firstClientPort = 20_000;

/** Patience that outlasts any run of losses: what fails then fails for another reason. */
const patient = {
  synRetries: 60,
  synAckRetries: 60,
  dataGiveUpMs: 24 * hourMs,
  closedGiveUpMs: 24 * hourMs,
  finWait2Ms: 24 * hourMs,
} as const;

export interface Conversations {
  readonly network: SimulatedNetwork;
  /** The application of each host. */
  readonly talkers: readonly Talkers[];
  /** By the stream that the end sends. */
  readonly plans: ReadonlyMap<number, EndPlan>;
  /** By the stream that the end sends: which host it is on. */
  readonly places: ReadonlyMap<number, number>;
}

export interface ScenarioOptions {
  readonly isDigested?: boolean;
  /** The clock's first value, in microseconds; else the seed's. */
  readonly startUs?: number;
  readonly watch?: FrameWatcher;
  /** Of all stacks; else such as outlast any run of losses. */
  readonly timers?: Partial<TimerSettings>;
  /** Of each stack, so many large buffers; else plenty. */
  readonly largeBuffers?: number;
  /** Of all stacks; else each has its own, by chance. */
  readonly parts?: Partial<Parts>;
  /** Changes a plan before it begins. */
  readonly replan?: (plan: EndPlan, startUs: number) => EndPlan;
}

/** Lets all conversations of a seed come to their end. @throws {Error} they do not, or a byte is wrong. */
export function runConversations(seed: number, options: ScenarioOptions = {}): Conversations {
  const conversations = prepareConversations(seed, options);
  const { network, talkers } = conversations;
  network.runUntil(() => talkers.every(({ left }) => left === 0), 48 * hourMs * 1_000);
  return conversations;
}

/** All conversations of a seed, that begin within 200 ms when time passes. */
export function prepareConversations(seed: number, options: ScenarioOptions = {}): Conversations {
  const draw = new Draw(seededRandom(seed, 'scenario'));
  const hostCount = draw.oneOf([2, 2, 3, 4]);
  const hosts = Array.from({ length: hostCount }, () => randomHost(draw, options));
  const mtu = draw.oneOf([128, 296, 576, 1_006, 1_500, 1_500, 1_500, 9_000]);
  const startUs = draw.oneOf([0, draw.upTo(1e12)]);
  const network = new SimulatedNetwork({
    seed,
    mtu,
    hosts,
    frames: draw.oneOf([1_024, 8_192]),
    // ARP has no checksum of its own: on a wire, Ethernet's keeps a damaged answer away.
    usesArp: draw.chance(0.3) && hosts.every(({ faults }) => faults?.corrupt === 0),
    isDigested: options.isDigested ?? false,
    startUs: options.startUs ?? startUs,
  });
  const talkers = network.hosts.map((host, index) => {
    const application = new Talkers(seededRandom(seed, `talkers of host ${index}`));
    host.application = application;
    host.stack.listen(port);
    if (options.watch !== undefined) host.link.watchers.push(options.watch);
    return application;
  });
  const plans = new Map<number, EndPlan>();
  const places = new Map<number, number>();
  const conversations = 1 + draw.upTo(6);
  const mostBytes = draw.oneOf([0, 10, 1_000, 20_000, 100_000, 400_000]);
  for (let index = 0; index < conversations; index++) {
    const from = draw.upTo(hostCount);
    const to = (from + 1 + draw.upTo(hostCount - 1)) % hostCount;
    const replan = options.replan ?? ((plan) => plan);
    const first = randomPlan(draw, 2 * index, mostBytes);
    const second = randomPlan(draw, 2 * index + 1, mostBytes);
    const nearPlan = replan(first, network.nowUs);
    // One of the two must say its end first.
    const farPlan = replan({ ...second, halfCloses: second.halfCloses || !first.halfCloses }, network.nowUs);
    plans.set(nearPlan.sends, nearPlan);
    plans.set(farPlan.sends, farPlan);
    places.set(nearPlan.sends, from);
    places.set(farPlan.sends, to);
    const localAddress = network.hosts[from]!.address;
    const localPort = firstClientPort + index;
    talkers[from]!.open({
      atUs: network.nowUs + draw.upTo(200_000),
      localAddress,
      localPort,
      remoteAddress: network.hosts[to]!.address,
      remotePort: port,
      plan: nearPlan,
    });
    talkers[to]!.expect(localAddress, localPort, farPlan);
  }
  return { network, talkers, plans, places };
}

function randomHost(draw: Draw, { timers, parts, largeBuffers = 32 }: ScenarioOptions): HostOptions {
  const smallBytes = 2 ** (6 + draw.upTo(7));
  const largeBytes = smallBytes * 2 ** (1 + draw.upTo(6));
  return {
    faults: randomFaults(draw),
    ...(draw.chance(0.3) && {
      shape: { bitsPerSecond: draw.oneOf([1e6, 1e7, 1e8]), queueBytes: draw.oneOf([10_000, 60_000]) },
    }),
    stack: {
      maxConnections: 32,
      parts: { ...randomParts(draw), ...parts },
      timestamps: draw.chance(0.5),
      batch: draw.oneOf([1, 4, 128]),
      buffers: { smallBytes, largeBytes, memoryBytes: largeBuffers * largeBytes },
      timers: { ...patient, delayedAckMs: draw.oneOf([0, 10, 40, 500]), ...timers },
    },
  };
}

/** Every switchable part of the stack works alone and with any others; the hot line is one choice a process. */
function randomParts(draw: Draw): Partial<Parts> {
  const names = Object.keys(allParts).filter((name) => name !== 'hotLine');
  return Object.fromEntries(names.map((name) => [name, draw.chance(0.7)]));
}

function randomFaults(draw: Draw): Faults {
  const some = (most: number): number => (draw.chance(0.5) ? draw.fraction() * most : 0);
  return {
    loss: some(0.3),
    duplicate: some(0.3),
    corrupt: some(0.2),
    reorder: some(0.5),
    reorderUs: draw.oneOf([100, 2_000, 50_000]),
    delayUs: draw.oneOf([0, 100, 5_000, 100_000]),
    jitterUs: draw.oneOf([0, 0, 50, 3_000, 200_000]),
  };
}

/** @param sends the stream; the peer's differs in the lowest bit. */
function randomPlan(draw: Draw, sends: number, mostBytes: number): EndPlan {
  return {
    sends,
    receives: sends ^ 1,
    sendBytes: draw.chance(0.2) ? 0 : draw.upTo(mostBytes + 1),
    mostWriteBytes: draw.oneOf([1, 100, 1_460, 20_000, 100_000].filter((most) => most * 1_000 >= mostBytes)),
    mostReadBytes: draw.oneOf([1, 100, 1_460, 20_000, 100_000].filter((most) => most * 1_000 >= mostBytes)),
    mostPauseUs: draw.oneOf([0, 0, 0, 100, 30_000]),
    halfCloses: draw.chance(0.7),
    hasNagle: draw.chance(0.2),
    abortsAtUs: Number.POSITIVE_INFINITY,
  };
}
