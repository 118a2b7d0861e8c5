/** Each cause of a drop: a good frame, one thing changed, checksums mended where the cause is not the checksum. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHost } from '../../net/wire/ipv4.ts';
import { Flag } from '../../net/wire/tcp.ts';
import { Verdict, verdictNames } from '../../net/wire/verdict.ts';
import { FrameReader, verdictOn, viewOf } from './frame-reader.ts';
import { kernelFrame } from './kernel-frames.ts';
import { changed, ipAt, mended, segment, tcpAt } from './segment.ts';

const payload = [1, 2, 3, 4, 5];
const good = segment({ tcp: { flags: Flag.ack }, payload });
const withOptions = kernelFrame('recordRoute');
const arp = kernelFrame('arpRequest');
const echo = kernelFrame('echoRequest');

const damages: readonly (readonly [what: string, frame: Uint8Array, verdict: string])[] = [
  ['nothing', good, 'tcp ok'],
  ['nothing, ARP', arp, 'arp ok'],
  ['nothing, ICMP', echo, 'icmp ok'],
  ['no frame at all', new Uint8Array(0), 'ethernet truncated'],
  ['13 bytes', good.slice(0, 13), 'ethernet truncated'],
  ['nothing after the Ethernet header', good.slice(0, 14), 'ip truncated'],
  ['nothing after the IP header', mended(changed(good, ipAt + 3, 20).slice(0, tcpAt)), 'tcp truncated'],
  ['EtherType of IPv6', changed(good, 12, 0x86, 0xdd), 'ethernet unknownProtocol'],
  ['a VLAN tag', changed(good, 12, 0x81, 0x00), 'ethernet unknownProtocol'],

  ['ARP of 27 bytes', arp.slice(0, 41), 'arp truncated'],
  ['ARP over Token Ring', changed(arp, ipAt + 1, 6), 'arp badArp'],
  ['ARP for IPv6', changed(arp, ipAt + 2, 0x86, 0xdd), 'arp badArp'],
  ['ARP, hardware addresses of 8 bytes', changed(arp, ipAt + 4, 8), 'arp badArp'],
  ['ARP, protocol addresses of 16 bytes', changed(arp, ipAt + 5, 16), 'arp badArp'],

  ['IP header of 19 bytes', good.slice(0, ipAt + 19), 'ip truncated'],
  ['IP version 6', mended(changed(good, ipAt, 0x65)), 'ip badVersion'],
  ['IP version 0', mended(changed(good, ipAt, 0x05)), 'ip badVersion'],
  ['IP header length 4', mended(changed(good, ipAt, 0x44)), 'ip badHeaderLength'],
  ['IP header length 0', changed(good, ipAt, 0x40), 'ip badHeaderLength'],
  ['IP header beyond the datagram', changed(good, ipAt, 0x4f), 'ip badHeaderLength'],
  ['IP total length 0', mended(changed(good, ipAt + 2, 0, 0)), 'ip badHeaderLength'],
  ['IP total length 19', mended(changed(good, ipAt + 2, 0, 19)), 'ip badHeaderLength'],
  ['IP total length below its options', mended(changed(withOptions, ipAt + 2, 0, 24)), 'ip badHeaderLength'],
  ['IP total length one more than the frame', mended(changed(good, ipAt + 3, 46)), 'ip truncated'],
  ['IP total length 65535', mended(changed(good, ipAt + 2, 255, 255)), 'ip truncated'],
  ['IP checksum', changed(good, ipAt + 10, good[ipAt + 10] ^ 1), 'ip badIpChecksum'],
  ['an IP option, checksum not mended', changed(withOptions, ipAt + 21, 6), 'ip badIpChecksum'],
  ['"more fragments"', mended(changed(good, ipAt + 6, 0x20)), 'ip fragment'],
  ['fragment offset 8', mended(changed(good, ipAt + 6, 0, 1)), 'ip fragment'],
  ['fragment offset 65528', mended(changed(good, ipAt + 6, 0x1f, 0xff)), 'ip fragment'],
  ['the reserved flag', mended(changed(good, ipAt + 6, 0x80)), 'tcp ok'],
  ['time to live 0', mended(changed(good, ipAt + 8, 0)), 'tcp ok'],
  ['source 0.0.0.0', mended(changed(good, ipAt + 12, 0, 0, 0, 0)), 'ip badSource'],
  ['source 127.0.0.1', mended(changed(good, ipAt + 12, 127, 0, 0, 1)), 'ip badSource'],
  ['source 224.0.0.1', mended(changed(good, ipAt + 12, 224, 0, 0, 1)), 'ip badSource'],
  ['source 255.255.255.255', mended(changed(good, ipAt + 12, 255, 255, 255, 255)), 'ip badSource'],
  ['protocol UDP', mended(changed(good, ipAt + 9, 17)), 'ip unknownProtocol'],

  ['a TCP header of 10 bytes', mended(changed(good, ipAt + 3, 30)), 'tcp truncated'],
  ['a TCP header of 19 bytes', mended(changed(good, ipAt + 3, 39)), 'tcp truncated'],
  ['no TCP header', mended(changed(good, ipAt + 3, 20)), 'tcp truncated'],
  ['data offset 0', mended(changed(good, tcpAt + 12, 0x00)), 'tcp badDataOffset'],
  ['data offset 4', mended(changed(good, tcpAt + 12, 0x40)), 'tcp badDataOffset'],
  ['data offset 6: an option instead of payload', mended(changed(good, tcpAt + 12, 0x60)), 'tcp ok'],
  ['data offset 7: beyond the segment', mended(changed(good, tcpAt + 12, 0x70)), 'tcp badDataOffset'],
  ['data offset 15', mended(changed(good, tcpAt + 12, 0xf0)), 'tcp badDataOffset'],
  ['TCP checksum', changed(good, tcpAt + 17, good[tcpAt + 17] ^ 1), 'tcp badTcpChecksum'],
  ['TCP checksum 0', changed(good, tcpAt + 16, 0, 0), 'tcp badTcpChecksum'],
  ['the last, odd byte', changed(good, good.length - 1, 6), 'tcp badTcpChecksum'],
  ['every flag', mended(changed(good, tcpAt + 13, 255)), 'tcp ok'],
  ['reserved bits', mended(changed(good, tcpAt + 12, 0x5f)), 'tcp ok'],
  ['a wild urgent pointer', mended(changed(good, tcpAt + 18, 255, 255)), 'tcp ok'],

  ['ICMP of 7 bytes', mended(changed(echo, ipAt + 3, 27)), 'icmp truncated'],
  ['ICMP checksum', changed(echo, tcpAt + 2, 0, 0), 'icmp badIcmpChecksum'],
];

for (const [what, frame, verdict] of damages)
  test(`a frame with ${what} is ${verdict}`, () => {
    assert.equal(verdictOn(Uint8Array.from(frame)), verdict);
  });

test('every verdict of the wire has a frame above, each name one number', () => {
  const seen = new Set(damages.map(([, , verdict]) => verdict.split(' ')[1]));
  assert.deepEqual(
    verdictNames.filter((name) => !seen.has(name)),
    // Only a stack knows its addresses.
    ['notForUs'],
  );
  assert.deepEqual(
    verdictNames.map((name) => Verdict[name]),
    verdictNames.map((_, index) => index),
  );
});

test("padding after the datagram belongs to nobody: Ethernet's 60 bytes, zero or not", () => {
  const reader = new FrameReader();
  for (const fill of [0, 0xee]) {
    const padded = new Uint8Array(60).fill(fill);
    padded.set(segment({ tcp: { flags: Flag.fin | Flag.ack, seq: 9 } }));
    assert.equal(reader.read(viewOf(padded), 0, 60), Verdict.ok);
    const { ip, tcp } = reader;
    assert.deepEqual([ip.payloadEnd, tcp.payloadAt, tcp.payloadLength], [54, 54, 0]);
  }
});

test('a frame may begin anywhere in its memory, odd offsets too', () => {
  const reader = new FrameReader();
  for (const at of [1, 2, 3, 2048]) {
    const memory = new Uint8Array(at + good.length).fill(0xff);
    memory.set(good, at);
    assert.equal(reader.read(viewOf(memory), at, memory.length), Verdict.ok);
    const { payloadAt, payloadLength } = reader.tcp;
    assert.deepEqual([...memory.subarray(payloadAt, payloadAt + payloadLength)], payload);
  }
});

test('parseIcmp() looks at no more of the quoted datagram than is there', () => {
  const quoting = kernelFrame('timeExceeded');
  const quotedAt = tcpAt + 8;
  const quotes = (frame: Uint8Array): boolean => {
    const reader = new FrameReader();
    assert.equal(reader.read(viewOf(mended(frame)), 0, frame.length), Verdict.ok);
    return reader.icmp.quotesTcp;
  };
  assert.equal(quotes(Uint8Array.from(quoting)), true);
  for (let quoted = 0; quoted < 40; quoted++) {
    const length = 20 + 8 + quoted;
    const frame = changed(quoting, ipAt + 2, length >>> 8, length & 0xff).slice(0, ipAt + length);
    assert.equal(quotes(frame), quoted >= 28, `${quoted} bytes are quoted`);
  }
  assert.equal(quotes(changed(quoting, quotedAt, 0x65)), false, 'version 6');
  assert.equal(quotes(changed(quoting, quotedAt, 0x44)), false, 'header length 4');
  assert.equal(quotes(changed(quoting, quotedAt, 0x4f)), false, 'a header up to the end of the quote');
  assert.equal(
    quotes(changed(quoting, quotedAt + 6, 0, 1)),
    false,
    'a later fragment: its bytes are no ports',
  );
  assert.equal(quotes(changed(quoting, quotedAt + 9, 17)), false, 'UDP');
  assert.equal(quotes(changed(quoting, tcpAt, 13)), false, 'a timestamp message quotes nothing');
});

test('parseIcmp() takes an MTU only from "fragmentation needed", and addresses only from the quote', () => {
  const reader = new FrameReader();
  const mtuOf = (type: number, code: number): number => {
    const frame = mended(changed(kernelFrame('tooLong'), tcpAt, type, code));
    assert.equal(reader.read(viewOf(frame), 0, frame.length), Verdict.ok);
    return reader.icmp.nextHopMtu;
  };
  assert.deepEqual([mtuOf(3, 4), mtuOf(3, 1), mtuOf(11, 4), mtuOf(8, 4)], [1280, 0, 0, 0]);

  const quotedAt = tcpAt + 8;
  const frame = mended(changed(kernelFrame('tooLong'), quotedAt + 12, 1, 2, 3, 4, 5, 6, 7, 8));
  assert.equal(reader.read(viewOf(frame), 0, frame.length), Verdict.ok);
  assert.equal(reader.icmp.quotedSource, 0x0102_0304);
  assert.equal(reader.icmp.quotedDestination, 0x0506_0708);
});

test('isHost() refuses what no packet may come from, at the edges of each range', () => {
  const address = (a: number, b: number, c: number, d: number): number =>
    (a << 24) | (b << 16) | (c << 8) | d;
  for (const host of [address(1, 0, 0, 0), address(126, 255, 255, 255), address(128, 0, 0, 0)])
    assert.ok(isHost(host) && isHost(host >>> 0));
  assert.ok(isHost(address(223, 255, 255, 255)));
  for (const first of [0, 127, 224, 239, 240, 255])
    for (const rest of [0, 0xff_ffff]) assert.ok(!isHost((first << 24) | rest), `${first}`);
});
