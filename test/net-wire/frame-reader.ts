/** Reads a frame as a stack does, layer by layer, up to the first verdict that is not ok. */

import { type ArpView, arpView, parseArp } from '../../net/wire/arp.ts';
import {
  type EthernetView,
  EtherType,
  ethernetHeaderBytes,
  ethernetView,
  parseEthernet,
} from '../../net/wire/ethernet.ts';
import { type IcmpView, icmpView, parseIcmp } from '../../net/wire/icmp.ts';
import { type Ipv4View, ipv4View, Protocol, parseIpv4 } from '../../net/wire/ipv4.ts';
import { parseTcp, type TcpView, tcpView } from '../../net/wire/tcp.ts';
import { parseOptions, type TcpOptions, tcpOptions } from '../../net/wire/tcp-options.ts';
import { Verdict, verdictNames } from '../../net/wire/verdict.ts';

export type Layer = 'ethernet' | 'arp' | 'ip' | 'icmp' | 'tcp';

export class FrameReader {
  readonly ethernet: EthernetView = ethernetView();
  readonly arp: ArpView = arpView();
  readonly ip: Ipv4View = ipv4View();
  readonly icmp: IcmpView = icmpView();
  readonly tcp: TcpView = tcpView();
  readonly options: TcpOptions = tcpOptions();
  /** The last layer that was looked at. */
  layer: Layer = 'ethernet';

  read(memory: DataView, at: number, end: number): Verdict {
    this.layer = 'ethernet';
    const verdict = parseEthernet(memory, at, end, this.ethernet);
    if (verdict !== Verdict.ok) return verdict;
    const inner = at + ethernetHeaderBytes;
    if (this.ethernet.etherType === EtherType.arp) {
      this.layer = 'arp';
      return parseArp(memory, inner, end, this.arp);
    }
    return this.ethernet.etherType === EtherType.ipv4
      ? this.#readIp(memory, inner, end)
      : Verdict.unknownProtocol;
  }

  #readIp(memory: DataView, at: number, end: number): Verdict {
    const { ip, tcp } = this;
    this.layer = 'ip';
    const verdict = parseIpv4(memory, at, end, ip);
    if (verdict !== Verdict.ok) return verdict;
    if (ip.protocol === Protocol.icmp) {
      this.layer = 'icmp';
      return parseIcmp(memory, ip.payloadAt, ip.payloadEnd, this.icmp);
    }
    if (ip.protocol !== Protocol.tcp) return Verdict.unknownProtocol;
    this.layer = 'tcp';
    const segment = parseTcp(memory, ip.payloadAt, ip.payloadEnd, ip, tcp);
    if (segment === Verdict.ok) parseOptions(memory, tcp.optionsAt, tcp.payloadAt, this.options);
    return segment;
  }
}

/** The layer that judged a frame, and its verdict: `tcp ok`. */
export function verdictOn(frame: Uint8Array): string {
  const reader = new FrameReader();
  const verdict = reader.read(viewOf(frame), 0, frame.length);
  return `${reader.layer} ${verdictNames[verdict]}`;
}

/** Memory that is the frame and nothing else: reading past either end throws. */
export function viewOf(frame: Uint8Array): DataView {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
}
