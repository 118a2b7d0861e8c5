/**
 * A frame from the link, taken to where it belongs: ARP, ICMP, TCP; or counted and dropped. Answers to ARP and ping are
 * written into the frame that asked.
 */

import type { Neighbours } from './neighbours.ts';
import type { Core } from './tcp/core.ts';
import { icmpArrives } from './tcp/icmp-errors.ts';
import { segmentArrives } from './tcp/input.ts';
import { ArpOperation, type ArpView, arpBytes, arpView, emitArp, parseArp } from './wire/arp.ts';
import { EtherType, emitEthernet, ethernetHeaderBytes, parseEthernet } from './wire/ethernet.ts';
import { emitEcho, IcmpType, type IcmpView, icmpHeaderBytes, icmpView, parseIcmp } from './wire/icmp.ts';
import { emitIpv4, type Ipv4View, ipv4HeaderBytes, ipv4View, Protocol, parseIpv4 } from './wire/ipv4.ts';
import { parseTcp } from './wire/tcp.ts';
import { Verdict, verdictNames } from './wire/verdict.ts';

export interface FrameAnswers {
  readonly arp: boolean;
  readonly ping: boolean;
}

const broadcastHigh = 0xffff;
const broadcastLow = -1;
/** Of the first 16 bits of a hardware address: broadcast or multicast. */
const groupBit = 0x0100;

export class Frames {
  readonly #core: Core;
  readonly #neighbours: Neighbours;
  readonly #answers: FrameAnswers;
  /** A neighbour that was asked for has answered. */
  readonly #found: (address: number) => void;
  readonly #arp: ArpView = arpView();
  readonly #icmp: IcmpView = icmpView();
  readonly #ip: Ipv4View = ipv4View();

  constructor(core: Core, neighbours: Neighbours, answers: FrameAnswers, found: (address: number) => void) {
    this.#core = core;
    this.#neighbours = neighbours;
    this.#answers = answers;
    this.#found = found;
  }

  /** The frame is the link's again afterwards, or kept by the connection that its data is for. */
  arrives(at: number, length: number): void {
    const core = this.#core;
    core.frameAt = at;
    core.isFrameKept = false;
    const verdict = this.#take(at, at + length);
    if (verdict !== Verdict.ok) core.counters.drops[verdictNames[verdict]]++;
    if (!core.isFrameKept) core.link.release(at);
    // From now on nobody else gives it back: a connection that ends has to.
    core.isFrameKept = false;
  }

  #take(at: number, end: number): Verdict {
    const { memory, ethernet, ip, hasChecksums } = this.#core;
    const verdict = parseEthernet(memory, at, end, ethernet);
    if (verdict !== Verdict.ok) return verdict;
    if (ethernet.etherType === EtherType.arp) return this.#takeArp(at, end);
    if (ethernet.etherType !== EtherType.ipv4) return Verdict.unknownProtocol;
    const { sourceHigh, sourceLow } = this.#core.outEthernet;
    // Also of what was sent to a group: TCP speaks with one peer only (RFC 1122 4.2.3.10).
    if (ethernet.destinationLow !== sourceLow || ethernet.destinationHigh !== sourceHigh)
      return Verdict.notForUs;
    const ipVerdict = parseIpv4(memory, at + ethernetHeaderBytes, end, ip, hasChecksums);
    if (ipVerdict !== Verdict.ok) return ipVerdict;
    if (ip.protocol !== Protocol.tcp)
      return ip.protocol === Protocol.icmp ? this.#takeIcmp(at) : Verdict.unknownProtocol;
    const { segment } = this.#core;
    const tcpVerdict = parseTcp(memory, ip.payloadAt, ip.payloadEnd, ip, segment, hasChecksums);
    if (tcpVerdict !== Verdict.ok) return tcpVerdict;
    segmentArrives(this.#core);
    return Verdict.ok;
  }

  #takeArp(at: number, end: number): Verdict {
    const core = this.#core;
    const arp = this.#arp;
    const verdict = parseArp(core.memory, at + ethernetHeaderBytes, end, arp);
    if (verdict !== Verdict.ok) return verdict;
    if (!core.addresses.has(arp.targetAddress)) return Verdict.notForUs;
    if ((arp.senderHigh & groupBit) !== 0 || core.addresses.has(arp.senderAddress)) return Verdict.badArp;
    core.counters.arps++;
    // Only an answer to a question of ours is believed, and only what we asked for.
    if (arp.operation === ArpOperation.reply && this.#neighbours.find(arp.senderAddress) !== undefined) {
      this.#neighbours.learn(arp.senderAddress, arp.senderHigh, arp.senderLow);
      this.#found(arp.senderAddress);
    }
    if (arp.operation === ArpOperation.request && this.#answers.arp) this.#answerArp(at);
    return Verdict.ok;
  }

  #answerArp(at: number): void {
    const core = this.#core;
    const arp = this.#arp;
    const { outEthernet, ethernet } = core;
    const { senderHigh, senderLow, senderAddress, targetAddress } = arp;
    arp.operation = ArpOperation.reply;
    arp.targetHigh = senderHigh;
    arp.targetLow = senderLow;
    arp.targetAddress = senderAddress;
    arp.senderHigh = outEthernet.sourceHigh;
    arp.senderLow = outEthernet.sourceLow;
    arp.senderAddress = targetAddress;
    this.#sendBack(at, ethernet.sourceHigh, ethernet.sourceLow);
    emitArp(core.memory, at + ethernetHeaderBytes, arp);
    core.link.transmit(at, ethernetHeaderBytes + arpBytes);
  }

  /** Asks who has an address. @returns false: the link has no frame free. */
  askFor(address: number, ownAddress: number): boolean {
    const core = this.#core;
    const at = core.link.allocate();
    if (at < 0) return false;
    const { outEthernet, ethernet } = core;
    ethernet.destinationHigh = broadcastHigh;
    ethernet.destinationLow = broadcastLow;
    ethernet.sourceHigh = outEthernet.sourceHigh;
    ethernet.sourceLow = outEthernet.sourceLow;
    ethernet.etherType = EtherType.arp;
    emitEthernet(core.memory, at, ethernet);
    const arp = this.#arp;
    arp.operation = ArpOperation.request;
    arp.senderHigh = outEthernet.sourceHigh;
    arp.senderLow = outEthernet.sourceLow;
    arp.senderAddress = ownAddress;
    arp.targetHigh = 0;
    arp.targetLow = 0;
    arp.targetAddress = address;
    emitArp(core.memory, at + ethernetHeaderBytes, arp);
    core.link.transmit(at, ethernetHeaderBytes + arpBytes);
    return true;
  }

  #takeIcmp(at: number): Verdict {
    const core = this.#core;
    const { ip } = core;
    if (!core.addresses.has(ip.destination)) return Verdict.notForUs;
    const icmp = this.#icmp;
    const verdict = parseIcmp(core.memory, ip.payloadAt, ip.payloadEnd, icmp);
    if (verdict !== Verdict.ok) return verdict;
    if (icmp.type !== IcmpType.echoRequest) {
      icmpArrives(core, icmp);
      return Verdict.ok;
    }
    core.counters.pings++;
    if (this.#answers.ping && !core.addresses.has(ip.source)) this.#answerPing(at);
    return Verdict.ok;
  }

  /** The body stays where it is; options of the question are left out, so it may have to move. */
  #answerPing(at: number): void {
    const core = this.#core;
    const { ip, ethernet } = core;
    const header = this.#ip;
    const icmp = this.#icmp;
    const icmpAt = at + ethernetHeaderBytes + ipv4HeaderBytes;
    if (ip.payloadAt !== icmpAt) core.frameMemory.bytes.copyWithin(icmpAt, ip.payloadAt, ip.payloadEnd);
    header.protocol = Protocol.icmp;
    header.source = ip.destination;
    header.destination = ip.source;
    header.payloadLength = ip.payloadLength;
    icmp.type = IcmpType.echoReply;
    this.#sendBack(at, ethernet.sourceHigh, ethernet.sourceLow);
    emitIpv4(core.memory, at + ethernetHeaderBytes, header);
    emitEcho(core.memory, icmpAt, icmp, ip.payloadLength - icmpHeaderBytes);
    core.link.transmit(at, ethernetHeaderBytes + ipv4HeaderBytes + ip.payloadLength);
  }

  /** The frame under the hand goes to this address, and is the link's. */
  #sendBack(at: number, high: number, low: number): void {
    const core = this.#core;
    const { ethernet, outEthernet } = core;
    ethernet.destinationHigh = high;
    ethernet.destinationLow = low;
    ethernet.sourceHigh = outEthernet.sourceHigh;
    ethernet.sourceLow = outEthernet.sourceLow;
    emitEthernet(core.memory, at, ethernet);
    core.isFrameKept = true;
  }
}
