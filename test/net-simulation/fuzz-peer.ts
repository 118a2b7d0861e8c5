/**
 * The other side of a fuzzed stack: knows, from what the stack sends, where each flow stands, and turns the relative
 * fields of a step into a segment. A byte of its data is known by its sequence number alone.
 */

import { after, before } from '../../net/wire/sequence.ts';
import { Flag } from '../../net/wire/tcp.ts';
import { flows, type SegmentStep } from './fuzz-steps.ts';
import type { ReceivedSegment, Segment } from './raw-peer.ts';

const firstSeqs = [0x1000_0000, 0xffff_ff00, 0x7fff_ff80, 0x4000_0000];
const freshStep = 0x0123_4567;
/** Of our SYN's window scale option. */
const ownScale = 2;

interface Flow {
  /** The sequence number of our next SYN, and of all that we sent. */
  fresh: number;
  first: number;
  readonly firsts: Set<number>;
  /** What the stack expects next, and the right edge of its window. */
  next: number;
  edge: number;
  /** The same, as the stack last said it, whatever we have begun since; null: nothing yet. */
  told: { readonly next: number; readonly edge: number } | null;
  scale: number;
  /** The stack's first sequence number, the end of what it sent, what we acknowledged last. */
  theirFirst: number;
  theirEnd: number;
  lastAck: number;
  isStamped: boolean;
  /** The stack's last timestamp, and ours. */
  theirStamp: number;
  stamp: number;
}

export class FuzzPeer {
  readonly #address: number;
  readonly #stackAddress: number;
  readonly #flows: readonly Flow[];

  constructor(address: number, stackAddress: number) {
    this.#address = address;
    this.#stackAddress = stackAddress;
    this.#flows = flows.map((_, index) => newFlow(firstSeqs[index]! | 0));
  }

  /** Sequence numbers of the SYNs that we sent in a flow: the data of a connection starts behind one of them. */
  firstsOf(localPort: number, peerPort: number): ReadonlySet<number> {
    return this.#flowOf(localPort, peerPort)?.firsts ?? new Set();
  }

  /** The segment that a step means now. */
  segment(step: SegmentStep): Segment {
    const flow = this.#flows[step.flow]!;
    const ports = flows[step.flow]!;
    flow.stamp = (flow.stamp + 1) | 0;
    const isFresh = step.seq.from === 'fresh';
    const seq = ((isFresh ? flow.fresh : this.#seq(flow, step)) + step.seq.plus) | 0;
    if ((step.flags & Flag.syn) !== 0) begins(flow, seq, isFresh);
    const ack = (this.#ack(flow, step) + step.ack.plus) | 0;
    if (step.ack.from === 'end' && step.ack.plus === 0) flow.lastAck = ack;
    return {
      source: this.#address,
      destination: this.#stackAddress,
      sourcePort: ports.peerPort,
      destinationPort: ports.localPort,
      seq,
      ack,
      flags: step.flags,
      window: step.window,
      urgent: step.urgent,
      options: Uint8Array.from(optionsOf(flow, step, ack)),
      payload: payloadAt((seq + ((step.flags & Flag.syn) >> 1)) | 0, step.payloadBytes),
    };
  }

  /** How a segment's numbers stand to what the stack expects: what coverage tells apart. */
  placeOf(step: SegmentStep, { seq, ack }: Segment): string {
    const flow = this.#flows[step.flow]!;
    const seqPlace =
      seq === flow.next ? '=' : before(seq, flow.next) ? '<' : after(seq, flow.edge) ? '>' : '~';
    const isOld = before(ack, flow.lastAck);
    const ackPlace = ack === flow.theirEnd ? '=' : after(ack, flow.theirEnd) ? '>' : isOld ? '<' : '~';
    return seqPlace + ackPlace;
  }

  /** Learns from what the stack sends. @throws {Error} its ACK or its window goes back. */
  hears(segment: ReceivedSegment): void {
    const flow = this.#flowOf(segment.sourcePort, segment.destinationPort);
    if (flow === undefined || (segment.flags & Flag.rst) !== 0) return;
    const { seq, ack, flags, window, parsed, payload } = segment;
    const isSyn = (flags & Flag.syn) !== 0;
    if (isSyn) {
      if (flow.theirFirst !== seq) flow.theirEnd = seq;
      flow.told = null;
      flow.theirFirst = seq;
      flow.scale = Math.max(parsed.windowScale, 0);
      flow.isStamped = parsed.hasTimestamps;
    }
    const end = (seq + payload.length + (flags & Flag.fin) + (isSyn ? 1 : 0)) | 0;
    if (after(end, flow.theirEnd)) flow.theirEnd = end;
    if ((flags & Flag.ack) !== 0) {
      flow.next = ack;
      flow.edge = (ack + (window << (isSyn ? 0 : flow.scale))) | 0;
      if (!isSyn && flow.told !== null) mustNotGoBack(flow, flow.told);
      flow.told = { next: flow.next, edge: flow.edge };
    }
    if (parsed.hasTimestamps) flow.theirStamp = parsed.timestampValue;
  }

  #flowOf(localPort: number, peerPort: number): Flow | undefined {
    const index = flows.findIndex((flow) => flow.localPort === localPort && flow.peerPort === peerPort);
    return this.#flows[index];
  }

  #seq(flow: Flow, { seq }: SegmentStep): number {
    if (seq.from === 'next') return flow.next;
    if (seq.from === 'edge') return flow.edge;
    return seq.from === 'first' ? flow.first : Math.imul(flow.stamp, 0x9e37_79b1);
  }

  #ack(flow: Flow, { ack }: SegmentStep): number {
    if (ack.from === 'end') return flow.theirEnd;
    if (ack.from === 'last') return flow.lastAck;
    return ack.from === 'first' ? flow.theirFirst : Math.imul(flow.stamp, 0x85eb_ca6b);
  }
}

/** The byte that is at a sequence number, whoever asks. */
export function byteAt(seq: number): number {
  return (Math.imul(seq, 0x9e37_79b1) >>> 24) & 0xff;
}

function payloadAt(seq: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => byteAt((seq + index) | 0));
}

function newFlow(fresh: number): Flow {
  return {
    ...{ fresh, first: fresh, firsts: new Set<number>(), next: 0, edge: 0, scale: 0 },
    told: null,
    ...{ theirFirst: 0, theirEnd: 0, lastAck: 0, isStamped: false, theirStamp: 0, stamp: 1_000 },
  };
}

function mustNotGoBack(flow: Flow, told: { readonly next: number; readonly edge: number }): void {
  if (before(flow.next, told.next)) throw new Error(`its ACK goes back by ${told.next - flow.next}`);
  if (before(flow.edge, told.edge)) throw new Error(`its window goes back by ${told.edge - flow.edge}`);
}

function begins(flow: Flow, seq: number, isFresh: boolean): void {
  flow.firsts.add(seq);
  if (!isFresh) return;
  flow.first = seq;
  flow.next = (seq + 1) | 0;
  flow.edge = flow.next;
  flow.fresh = (flow.fresh + freshStep) | 0;
}

function optionsOf(flow: Flow, { options, flags, window }: SegmentStep, ack: number): number[] {
  const stamp = (value: number): number[] => [1, 1, 8, 10, ...word(value), ...word(flow.theirStamp)];
  switch (options) {
    case 'usual':
      return flow.isStamped && (flags & Flag.syn) === 0 ? stamp(flow.stamp) : [];
    case 'none':
      return [];
    case 'old stamp':
      return stamp((flow.stamp - 500) | 0);
    case 'syn':
      return [2, 4, 2, 24, 4, 2, 8, 10, ...word(flow.stamp), ...word(flow.theirStamp), 1, 3, 3, ownScale];
    case 'bare syn':
      return [];
    case 'odd syn':
      return [2, 4, 0, flow.stamp & 0xff, 3, 3, 200, 2, 4, 255, 255, 0];
    case 'broken':
      return [1, 8, 0, 0, 8, 40, 3, 1];
    case 'unknown':
      return [77, 5, 1, 2, 3, 253, 2, 5, 10, ...word(flow.next), ...word(flow.edge)];
    // Of what the stack sent, two pieces behind the ACK; or pieces that nobody sent, back to front.
    case 'sack': {
      const sent = Math.max(flow.theirEnd - ack, 0);
      const [from, to] = [sent >> 2, sent >> 1].map((far) => (ack + far + (window & 1)) | 0) as [
        number,
        number,
      ];
      const stamps = flow.isStamped ? stamp(flow.stamp) : [];
      return [
        ...stamps,
        1,
        1,
        5,
        18,
        ...word(to + (sent >> 3)),
        ...word(flow.theirEnd),
        ...word(from),
        ...word(to),
      ];
    }
    case 'odd sack': {
      const stamps = flow.isStamped ? stamp(flow.stamp) : [];
      const far = (flow.theirEnd + 5_000) | 0;
      return [...stamps, 1, 1, 5, 18, ...word(far), ...word(ack - 9), ...word(ack), ...word(far)];
    }
  }
}

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
