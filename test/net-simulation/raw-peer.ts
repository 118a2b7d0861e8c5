/**
 * A peer without a stack: sends the segments it is told to, right or wrong, and hands over those that come. What comes
 * must be well formed: a frame that does not parse, or has a wrong checksum, throws.
 */

import { frameBatch, type Link } from '../../net/links/link.ts';
import {
  EtherType,
  ethernetHeaderBytes,
  ethernetView,
  hardwareHigh,
  hardwareLow,
  parseEthernet,
} from '../../net/wire/ethernet.ts';
import { ipv4View, Protocol, parseIpv4 } from '../../net/wire/ipv4.ts';
import { emitSegment, parseTcp, segmentOptionsAt, tcpView } from '../../net/wire/tcp.ts';
import { parseOptions, type TcpOptions, tcpOptions } from '../../net/wire/tcp-options.ts';
import { Verdict, verdictNames } from '../../net/wire/verdict.ts';

/** A segment as the tests write and read it. Sequence numbers are int32. */
export interface Segment {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent?: number;
  /** As they are on the wire; filled up to a multiple of 4 with ends of list. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

/** As it came, its options read. */
export interface ReceivedSegment extends Required<Segment> {
  readonly parsed: Readonly<TcpOptions>;
}

export class RawPeer {
  readonly link: Link;
  readonly #view: DataView;
  readonly #batch = frameBatch(256);
  readonly #ethernet = ethernetView();
  readonly #ip = ipv4View();
  readonly #tcp = tcpView();
  readonly #target: Uint8Array;

  /** @param target hardware address that everything is sent to. */
  constructor(link: Link, target: Uint8Array) {
    this.link = link;
    this.#target = target;
    this.#view = new DataView(link.memory.buffer, link.memory.byteOffset, link.memory.byteLength);
  }

  /** Queues a segment; `link.flush` sends. @param spoil changes the finished frame, from its first byte on. */
  send(segment: Segment, spoil?: (frame: Uint8Array) => void): void {
    const at = this.link.allocate();
    if (at < 0) throw new Error('Cannot send a crafted segment: no frame is free');
    const { memory } = this.link;
    const options = segment.options ?? none;
    const payload = segment.payload ?? none;
    const optionBytes = (options.length + 3) & ~3;
    memory.fill(0, at + segmentOptionsAt, at + segmentOptionsAt + optionBytes);
    memory.set(options, at + segmentOptionsAt);
    memory.set(payload, at + segmentOptionsAt + optionBytes);
    Object.assign(this.#ethernet, {
      destinationHigh: hardwareHigh(this.#target),
      destinationLow: hardwareLow(this.#target),
      sourceHigh: hardwareHigh(this.link.hardwareAddress),
      sourceLow: hardwareLow(this.link.hardwareAddress),
      etherType: EtherType.ipv4,
    });
    Object.assign(this.#ip, {
      source: segment.source | 0,
      destination: segment.destination | 0,
      protocol: Protocol.tcp,
    });
    Object.assign(this.#tcp, {
      sourcePort: segment.sourcePort,
      destinationPort: segment.destinationPort,
      seq: segment.seq | 0,
      ack: segment.ack | 0,
      flags: segment.flags,
      window: segment.window,
      urgent: segment.urgent ?? 0,
      optionBytes,
      payloadLength: payload.length,
    });
    const length = emitSegment(this.#view, at, this.#ethernet, this.#ip, this.#tcp);
    spoil?.(memory.subarray(at, at + length));
    this.link.transmit(at, length);
  }

  /** Everything of TCP that has come by now. */
  received(nowUs: number): ReceivedSegment[] {
    const segments: ReceivedSegment[] = [];
    for (let count = this.link.receive(this.#batch, nowUs); count > 0; ) {
      for (let index = 0; index < count; index++) {
        const at = this.#batch.at[index]!;
        const segment = this.#read(at, at + this.#batch.length[index]!);
        if (segment !== null) segments.push(segment);
        this.link.release(at);
      }
      count = this.link.receive(this.#batch, nowUs);
    }
    return segments;
  }

  /** @returns null: no TCP. */
  #read(at: number, end: number): ReceivedSegment | null {
    must(parseEthernet(this.#view, at, end, this.#ethernet));
    if (this.#ethernet.etherType !== EtherType.ipv4) return null;
    const ip = this.#ip;
    must(parseIpv4(this.#view, at + ethernetHeaderBytes, end, ip));
    if (ip.protocol !== Protocol.tcp) return null;
    const tcp = this.#tcp;
    must(parseTcp(this.#view, ip.payloadAt, ip.payloadEnd, ip, tcp));
    const parsed = tcpOptions();
    parseOptions(this.#view, tcp.optionsAt, tcp.payloadAt, parsed);
    const { memory } = this.link;
    const { sourcePort, destinationPort, seq, ack, flags, window, urgent } = tcp;
    return {
      ...{ source: ip.source, destination: ip.destination, sourcePort, destinationPort },
      ...{ seq, ack, flags, window, urgent, parsed },
      options: memory.slice(tcp.optionsAt, tcp.payloadAt),
      payload: memory.slice(tcp.payloadAt, tcp.payloadAt + tcp.payloadLength),
    };
  }
}

const none = new Uint8Array(0);

function must(verdict: Verdict): void {
  if (verdict !== Verdict.ok)
    throw new Error(`A frame of the stack's is not well formed: ${verdictNames[verdict]}`);
}
