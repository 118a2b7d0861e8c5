/**
 * Looks at every frame that the stacks of a simulation send, and throws at the first that no correct stack would send:
 *
 *   it parses, its checksums are right, it fits the MTU, its data fits the MSS that the peer announced (RFC 6691);
 *   it acknowledges nothing that was not sent, and never takes an ACK back;
 *   the right edge of its window never moves left (RFC 9293 3.8.6), and nothing is sent beyond the peer's, but a probe;
 *   its SACK names only what was sent, behind its ACK, and only to who takes it (RFC 2018);
 *   its FIN stays where it is, and nothing follows it;
 *   with timestamps agreed on, every segment but a RST has them, and they never go back (RFC 7323 3.2, 5.4).
 *
 * It sees frames when they are sent, so what a side was granted may not have arrived yet: the bounds are a little wide.
 */

import { EtherType, ethernetHeaderBytes, ethernetView, parseEthernet } from '../../net/wire/ethernet.ts';
import { frameText } from '../../net/wire/frame-text.ts';
import { ipv4View, Protocol, parseIpv4 } from '../../net/wire/ipv4.ts';
import { after, before } from '../../net/wire/sequence.ts';
import { Flag, parseTcp, tcpView } from '../../net/wire/tcp.ts';
import { parseOptions, tcpOptions } from '../../net/wire/tcp-options.ts';
import { Verdict, verdictNames } from '../../net/wire/verdict.ts';

/** What a stack may take a smaller announced MSS for. */
const leastMss = 64;

/** What one side of a connection has said. */
interface Side {
  iss: number;
  /** Those of connections before, between the same ports: a SYN that comes late is answered, too. */
  readonly formerIss: readonly number[];
  /** The initial sequence number that its SYN+ACK acknowledges; null: it sent a SYN. */
  readonly answers: number | null;
  /** Of its SYN, never scaled: what the other side may send before it hears more. */
  synWindow: number;
  /** As announced in its SYN: it bounds what the other side sends. */
  mss: number;
  /** -1: it offered none. */
  scale: number;
  isStamped: boolean;
  takesSack: boolean;
  /** Behind all that it sent, its SYN and FIN counted. */
  end: number;
  /** Its FIN's place; null: none was sent. */
  fin: number | null;
  /** Highest ACK, right edge of its window, last timestamp; null: none was said. */
  ack: number | null;
  edge: number | null;
  stamp: number | null;
}

export class WireInspector {
  readonly #mtu: number;
  readonly #sides = new Map<string, Side>();
  readonly #ethernet = ethernetView();
  readonly #ip = ipv4View();
  readonly #tcp = tcpView();
  readonly #options = tcpOptions();

  constructor(mtu: number) {
    this.#mtu = mtu;
  }

  /** @throws {Error} the frame says what it must not. */
  sees(view: DataView, at: number, length: number): void {
    const fault = this.#faultOf(view, at, length);
    if (fault === '') return;
    const memory = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    throw new Error(`A stack sends what it must not: ${fault}: ${frameText(memory, at, length)}`);
  }

  /** @returns empty: none. */
  #faultOf(view: DataView, at: number, length: number): string {
    const ethernet = this.#ethernet;
    const ip = this.#ip;
    const tcp = this.#tcp;
    const end = at + length;
    if (length > this.#mtu + ethernetHeaderBytes) return `longer than the MTU of ${this.#mtu}`;
    let verdict = parseEthernet(view, at, end, ethernet);
    if (verdict !== Verdict.ok) return verdictNames[verdict];
    if (ethernet.etherType !== EtherType.ipv4) return '';
    verdict = parseIpv4(view, at + ethernetHeaderBytes, end, ip);
    if (verdict !== Verdict.ok) return verdictNames[verdict];
    if (ip.payloadEnd !== end) return 'its IP length is not its own';
    if (ip.protocol !== Protocol.tcp) return '';
    verdict = parseTcp(view, ip.payloadAt, ip.payloadEnd, ip, tcp);
    if (verdict !== Verdict.ok) return verdictNames[verdict];
    parseOptions(view, tcp.optionsAt, tcp.payloadAt, this.#options);
    const near = `${ip.source}:${tcp.sourcePort}`;
    const far = `${ip.destination}:${tcp.destinationPort}`;
    // A RST may belong to no connection at all.
    if ((tcp.flags & Flag.rst) !== 0) return tcp.payloadLength > 0 ? 'a RST with data' : '';
    return (tcp.flags & Flag.syn) !== 0
      ? this.#synFault(`${near} ${far}`, `${far} ${near}`)
      : this.#segmentFault(`${near} ${far}`, `${far} ${near}`, sackOf(view, tcp.optionsAt, tcp.payloadAt));
  }

  #synFault(ownKey: string, otherKey: string): string {
    const tcp = this.#tcp;
    const options = this.#options;
    const own = this.#sides.get(ownKey);
    const other = this.#sides.get(otherKey);
    if (tcp.payloadLength > 0 || (tcp.flags & Flag.fin) !== 0) return 'a SYN with more than itself';
    const hasAck = (tcp.flags & Flag.ack) !== 0;
    const answered = (tcp.ack - 1) | 0;
    if (hasAck && other?.formerIss.includes(answered)) return '';
    if (hasAck && answered !== other?.iss) return 'a SYN+ACK of a SYN that was not sent';
    // A SYN that comes once more when all is over begins a connection that the peer does not want.
    if (hasAck && own?.answers === answered && own.end !== ((own.iss + 1) | 0)) return '';
    if (options.mss !== this.#mtu - 40) return `an MSS that is not MTU - 40`;
    // Of options the answer has only what was offered (RFC 7323 2.2, 3.2).
    if (hasAck && options.windowScale >= 0 && other!.scale < 0) return 'a window scale that was not offered';
    if (hasAck && options.hasTimestamps && !other!.isStamped) return 'timestamps that were not offered';
    if (own !== undefined && own.iss === tcp.seq) return '';
    this.#sides.set(ownKey, {
      iss: tcp.seq,
      answers: hasAck ? answered : null,
      formerIss: own === undefined ? [] : [...own.formerIss, own.iss],
      synWindow: tcp.window,
      mss: Math.max(options.mss, leastMss),
      scale: options.windowScale,
      isStamped: options.hasTimestamps,
      takesSack: options.sackPermitted,
      end: (tcp.seq + 1) | 0,
      fin: null,
      ack: null,
      edge: null,
      stamp: options.hasTimestamps ? options.timestampValue : null,
    });
    return '';
  }

  #segmentFault(ownKey: string, otherKey: string, sack: readonly number[]): string {
    const own = this.#sides.get(ownKey);
    const other = this.#sides.get(otherKey);
    if (own === undefined || other === undefined) return 'of no connection';
    if (this.#isOfFormerSyn(other)) return '';
    const faults = [
      this.#ackFault(own, other),
      sackFault(sack, this.#tcp.ack, other),
      this.#dataFault(own, other),
    ];
    return faults.find((fault) => fault !== '') ?? '';
  }

  /** A SYN that comes late, from a connection before, is half open: what does not fit it is told so (RFC 9293 3.10.7.4). */
  #isOfFormerSyn({ formerIss }: Side): boolean {
    const { ack, flags, payloadLength } = this.#tcp;
    return flags === Flag.ack && payloadLength === 0 && formerIss.includes((ack - 1) | 0);
  }

  #ackFault(own: Side, other: Side): string {
    const { ack, flags, window } = this.#tcp;
    const options = this.#options;
    if ((flags & Flag.ack) === 0) return 'no ACK, and no SYN or RST';
    if (after(ack, other.end)) return `it acknowledges what was not sent, that ends at ${other.end >>> 0}`;
    if (own.ack !== null && before(ack, own.ack)) return `its ACK goes back, from ${own.ack >>> 0}`;
    own.ack = ack;
    // Both sides must have offered scaling.
    const scale = own.scale >= 0 && other.scale >= 0 ? own.scale : 0;
    const edge = (ack + (window << scale)) | 0;
    if (own.edge !== null && before(edge, own.edge))
      return `its window ends at ${edge >>> 0}, and ended at ${own.edge >>> 0} before`;
    own.edge = edge;
    const isStamped = own.isStamped && other.isStamped;
    if (options.hasTimestamps !== isStamped) return isStamped ? 'no timestamp' : 'a timestamp';
    if (isStamped && own.stamp !== null && before(options.timestampValue, own.stamp))
      return `its timestamp goes back, from ${own.stamp >>> 0}`;
    if (isStamped) own.stamp = options.timestampValue;
    return '';
  }

  #dataFault(own: Side, other: Side): string {
    const { seq, flags, payloadLength, optionBytes } = this.#tcp;
    if (payloadLength > 0 && payloadLength + optionBytes > other.mss)
      return `more than the peer's MSS of ${other.mss}`;
    const fin = flags & Flag.fin;
    const end = (seq + payloadLength + fin) | 0;
    if (fin !== 0) {
      if (own.fin !== null && own.fin !== end) return `its FIN ended at ${own.fin >>> 0} before`;
      own.fin = end;
    } else if (own.fin !== null && after(end, own.fin)) return `it goes on behind its FIN`;
    // A probe of a shut window is one byte, or the FIN.
    const edge = other.edge ?? own.iss + 1 + other.synWindow;
    const most = (edge + (payloadLength + fin === 1 ? 1 : 0)) | 0;
    if (payloadLength + fin > 0 && after(end, most))
      return `beyond the peer's window, that ends at ${most >>> 0}`;
    if (after(seq, own.end)) return `it leaves a hole behind ${own.end >>> 0}`;
    if (after(end, own.end)) own.end = end;
    return '';
  }
}

const endKind = 0;
const noneKind = 1;
const sackKind = 5;

/** The numbers of the SACK option, block by block; empty: there is none. */
function sackOf(view: DataView, from: number, end: number): number[] {
  for (let at = from; at < end; ) {
    const kind = view.getUint8(at);
    if (kind === endKind) return [];
    const length = kind === noneKind ? 1 : view.getUint8(at + 1);
    if (kind === sackKind)
      return Array.from({ length: (length - 2) >> 2 }, (_, index) => view.getInt32(at + 2 + 4 * index));
    at += length;
  }
  return [];
}

function sackFault(sack: readonly number[], ack: number, other: Side): string {
  if (sack.length > 0 && !other.takesSack) return 'a SACK to who did not permit it';
  for (let index = 0; index < sack.length; index += 2) {
    const [from, to] = [sack[index]!, sack[index + 1]!];
    if (!after(from, ack) || !after(to, from) || after(to, other.end))
      return `a SACK of ${from >>> 0}–${to >>> 0}, and what was sent ends at ${other.end >>> 0}`;
  }
  return '';
}
