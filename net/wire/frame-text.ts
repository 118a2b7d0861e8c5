/** A frame as one line of text, for traces and messages; in the manner of tcpdump. Nothing hot comes here. */

import { ArpOperation, arpView, parseArp } from './arp.ts';
import { EtherType, ethernetHeaderBytes, ethernetView, parseEthernet } from './ethernet.ts';
import { IcmpType, icmpView, parseIcmp } from './icmp.ts';
import { type Ipv4View, ipv4View, Protocol, parseIpv4 } from './ipv4.ts';
import { Flag, parseTcp, tcpView } from './tcp.ts';
import { parseOptions, tcpOptions } from './tcp-options.ts';
import { Verdict, verdictNames } from './verdict.ts';

/** @param memory that the frame is in, `length` bytes from `at` on. */
export function frameText(memory: Uint8Array, at: number, length: number): string {
  const view = new DataView(memory.buffer, memory.byteOffset + at, length);
  const ethernet = ethernetView();
  const verdict = parseEthernet(view, 0, length, ethernet);
  if (verdict !== Verdict.ok) return dropped('Ethernet', verdict, length);
  if (ethernet.etherType === EtherType.arp) return arpText(view, length);
  if (ethernet.etherType === EtherType.ipv4) return ipv4Text(view, length);
  return `EtherType 0x${ethernet.etherType.toString(16).padStart(4, '0')}, ${length} bytes`;
}

/** @param address int32 or uint32. */
export function addressText(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

function dropped(layer: string, verdict: Verdict, length: number): string {
  return `${layer} [${verdictNames[verdict]}], ${length} bytes`;
}

function arpText(view: DataView, length: number): string {
  const arp = arpView();
  const verdict = parseArp(view, ethernetHeaderBytes, length, arp);
  if (verdict !== Verdict.ok) return dropped('ARP', verdict, length);
  const sender = addressText(arp.senderAddress);
  if (arp.operation === ArpOperation.request)
    return `ARP who has ${addressText(arp.targetAddress)}? tell ${sender}`;
  return `ARP ${sender} is at ${hardwareText(arp.senderHigh, arp.senderLow)}`;
}

function hardwareText(high: number, low: number): string {
  const digits = high.toString(16).padStart(4, '0') + (low >>> 0).toString(16).padStart(8, '0');
  return (digits.match(/../g) as string[]).join(':');
}

function ipv4Text(view: DataView, length: number): string {
  const ip = ipv4View();
  const verdict = parseIpv4(view, ethernetHeaderBytes, length, ip);
  if (verdict !== Verdict.ok) return dropped('IP', verdict, length);
  if (ip.protocol === Protocol.tcp) return tcpText(view, ip);
  if (ip.protocol === Protocol.icmp) return icmpText(view, ip);
  return `IP ${hosts(ip)} protocol ${ip.protocol}, ${ip.payloadLength} bytes`;
}

function hosts(ip: Ipv4View): string {
  return `${addressText(ip.source)} > ${addressText(ip.destination)}`;
}

function icmpText(view: DataView, ip: Ipv4View): string {
  const icmp = icmpView();
  const verdict = parseIcmp(view, ip.payloadAt, ip.payloadEnd, icmp);
  if (verdict !== Verdict.ok) return `IP ${hosts(ip)} ${dropped('ICMP', verdict, ip.payloadLength)}`;
  const name = Object.entries(IcmpType).find(([, type]) => type === icmp.type)?.[0] ?? `type ${icmp.type}`;
  if (icmp.type === IcmpType.echoRequest || icmp.type === IcmpType.echoReply)
    return `IP ${hosts(ip)} ICMP ${name} id ${icmp.identifier} seq ${icmp.sequence}`;
  const mtu = icmp.nextHopMtu === 0 ? '' : ` mtu ${icmp.nextHopMtu}`;
  const about = icmp.quotesTcp
    ? ` about ${addressText(icmp.quotedSource)}:${icmp.quotedSourcePort} > ` +
      `${addressText(icmp.quotedDestination)}:${icmp.quotedDestinationPort} seq ${icmp.quotedSeq >>> 0}`
    : '';
  return `IP ${hosts(ip)} ICMP ${name} code ${icmp.code}${mtu}${about}`;
}

function tcpText(view: DataView, ip: Ipv4View): string {
  const tcp = tcpView();
  const verdict = parseTcp(view, ip.payloadAt, ip.payloadEnd, ip, tcp);
  if (verdict !== Verdict.ok) return `IP ${hosts(ip)} ${dropped('TCP', verdict, ip.payloadLength)}`;
  const seq = tcp.seq >>> 0;
  const parts = [
    `IP ${addressText(ip.source)}:${tcp.sourcePort} > ${addressText(ip.destination)}:${tcp.destinationPort}`,
    `[${flagsText(tcp.flags)}]`,
    tcp.payloadLength === 0 ? `seq ${seq}` : `seq ${seq}:${(seq + tcp.payloadLength) >>> 0}`,
    (tcp.flags & Flag.ack) === 0 ? '' : `ack ${tcp.ack >>> 0}`,
    `win ${tcp.window}`,
    optionsText(view, tcp.optionsAt, tcp.payloadAt),
    `length ${tcp.payloadLength}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

const flagLetters: readonly (readonly [number, string])[] = [
  [Flag.syn, 'S'],
  [Flag.fin, 'F'],
  [Flag.rst, 'R'],
  [Flag.psh, 'P'],
  [Flag.urg, 'U'],
  [Flag.ece, 'E'],
  [Flag.cwr, 'W'],
  [Flag.ack, '.'],
];

function flagsText(flags: number): string {
  return flagLetters.map(([flag, letter]) => ((flags & flag) === 0 ? '' : letter)).join('') || 'none';
}

function optionsText(view: DataView, from: number, end: number): string {
  const options = tcpOptions();
  parseOptions(view, from, end, options);
  const said = [
    options.mss === 0 ? '' : `mss ${options.mss}`,
    options.sackPermitted ? 'sackOK' : '',
    options.hasTimestamps ? `TS ${options.timestampValue >>> 0} ecr ${options.timestampEcho >>> 0}` : '',
    options.windowScale < 0 ? '' : `wscale ${options.windowScale}`,
  ].filter((text) => text !== '');
  return said.length === 0 ? '' : `<${said.join(', ')}>`;
}
