/**
 * What came of reading a packet: `ok`, or why it is dropped. Small whole numbers, so that a counter a verdict is an
 * array; a bad packet is counted and dropped, it never throws.
 */

export const Verdict = {
  ok: 0,
  /** The frame ends before a header, or before the end that a length field promises. */
  truncated: 1,
  badVersion: 2,
  /** IP header length or total length that cannot be. */
  badHeaderLength: 3,
  badIpChecksum: 4,
  /** A source that no packet may come from: this network, loopback, multicast, broadcast (RFC 1122 3.2.1.3). */
  badSource: 5,
  /** A part of a datagram. Nothing is reassembled. */
  fragment: 6,
  badTcpChecksum: 7,
  /** TCP header shorter than 20 bytes, or longer than its segment. */
  badDataOffset: 8,
  badIcmpChecksum: 9,
  /** ARP for other things than IPv4 over Ethernet. */
  badArp: 10,
  /** For another address; the wire folder knows none, so only a stack says this. */
  notForUs: 11,
  /** An EtherType, or a protocol over IP, that a stack does not speak. */
  unknownProtocol: 12,
} as const;

export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Name of each verdict, by its number. */
export const verdictNames = Object.keys(Verdict) as readonly (keyof typeof Verdict)[];
