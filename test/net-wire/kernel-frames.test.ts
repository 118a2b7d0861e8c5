/** Frames that a kernel made: read in full, written again byte for byte, and never taken for good when damaged. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emitArp } from '../../net/wire/arp.ts';
import { emitEthernet, hardwareHigh, hardwareLow } from '../../net/wire/ethernet.ts';
import { frameText } from '../../net/wire/frame-text.ts';
import { emitEcho, IcmpType, icmpHeaderBytes } from '../../net/wire/icmp.ts';
import { emitIpv4 } from '../../net/wire/ipv4.ts';
import { emitSegment, Flag, segmentOptionsAt } from '../../net/wire/tcp.ts';
import { emitSynOptions, emitTimestamps } from '../../net/wire/tcp-options.ts';
import { Verdict } from '../../net/wire/verdict.ts';
import { FrameReader, verdictOn, viewOf } from './frame-reader.ts';
import { type KernelFrame, kernelFrame, kernelFrameNames } from './kernel-frames.ts';
import { ipAt, tcpAt } from './segment.ts';

function read(name: KernelFrame): FrameReader {
  const frame = kernelFrame(name);
  const reader = new FrameReader();
  reader.read(viewOf(frame), 0, frame.length);
  return reader;
}

test('frameText() says of each frame what tcpdump would', () => {
  const text = kernelFrameNames.map((name) => frameText(kernelFrame(name), 0, kernelFrame(name).length));
  assert.deepEqual(text, [
    'ARP who has 198.18.0.2? tell 198.18.0.1',
    'ARP 198.18.0.2 is at 02:00:00:00:00:02',
    'IP 198.18.0.1:40000 > 198.18.1.1:80 [S] seq 1862130205 win 64240 <mss 1460, sackOK, TS 980264332 ecr 0, wscale 10> length 0',
    'IP 198.18.1.1:80 > 198.18.0.1:40000 [S.] seq 1214355117 ack 1862130206 win 65084 <mss 1240, sackOK, TS 2280344862 ecr 980264332, wscale 10> length 0',
    'IP 198.18.0.1:40000 > 198.18.1.1:80 [.] seq 1862130206 ack 1214355118 win 63 <TS 980264332 ecr 2280344862> length 0',
    'IP 198.18.0.1:40000 > 198.18.1.1:80 [P.] seq 1862130206:1862130221 ack 1214355118 win 63 <TS 980264333 ecr 2280344862> length 15',
    'IP 198.18.1.1:80 > 198.18.0.1:40000 [P.] seq 1214355118:1214355128 ack 1862130221 win 64 <TS 2280344863 ecr 980264333> length 10',
    'IP 198.18.0.1:40000 > 198.18.1.1:80 [F.] seq 1862130221 ack 1214355128 win 63 <TS 980264384 ecr 2280344863> length 0',
    'IP 198.18.1.1:81 > 198.18.0.1:40001 [R.] seq 0 ack 2893227762 win 0 length 0',
    'IP 198.18.0.1:40002 > 198.18.1.1:80 [S] seq 245870460 win 64240 <mss 1460, sackOK, TS 433694669 ecr 0, wscale 10> length 0',
    'IP 198.18.0.1:40002 > 198.18.1.1:80 [R] seq 245870464 win 0 length 0',
    'IP 198.18.0.1:40003 > 198.18.1.1:80 [S] seq 822962560 win 64240 <mss 1460> length 0',
    'IP 198.18.0.1:40003 > 198.18.1.1:80 [.] seq 822962561 ack 43006138 win 64240 length 0',
    'IP 198.18.0.1:40003 > 198.18.1.1:80 [P.] seq 822962561:822962562 ack 43006138 win 64240 length 1',
    'IP 198.18.0.1:40003 > 198.18.1.1:80 [R.] seq 822962562 ack 43006148 win 64230 length 0',
    'IP 198.18.0.1:40004 > 198.18.1.1:80 [S] seq 557697412 win 64240 <mss 1460, sackOK, TS 1405575106 ecr 0, wscale 10> length 0',
    'IP 198.18.0.2 > 198.18.0.1 ICMP timeExceeded code 0 about 198.18.0.1:40005 > 198.18.1.1:80 seq 2158134054',
    'IP 198.18.0.2 > 198.18.0.1 ICMP unreachable code 1 about 198.18.0.1:40006 > 198.18.9.1:80 seq 912286330',
    'IP 198.18.0.2 > 198.18.0.1 ICMP unreachable code 4 mtu 1280 about 198.18.0.1:40007 > 198.18.1.1:80 seq 1003356255',
    'IP 198.18.1.1 > 198.18.0.1 ICMP unreachable code 3',
    'IP [fragment], 1514 bytes',
    'IP [fragment], 162 bytes',
    'IP 198.18.0.1 > 198.18.0.2 ICMP echoRequest id 4660 seq 1',
    'IP 198.18.0.2 > 198.18.0.1 ICMP echoReply id 4660 seq 1',
  ]);
});

test('parseTcp() and parseOptions() read every field of a SYN', () => {
  const { ethernet, ip, tcp, options } = read('syn');
  assert.deepEqual(ethernet, {
    destinationHigh: 0x0200,
    destinationLow: 2,
    sourceHigh: 0x0200,
    sourceLow: 1,
    etherType: 0x0800,
  });
  assert.deepEqual(ip, {
    headerBytes: 20,
    timeToLive: 64,
    protocol: 6,
    source: 0xc612_0001 | 0,
    destination: 0xc612_0101 | 0,
    payloadAt: 34,
    payloadEnd: 74,
    payloadLength: 40,
  });
  assert.deepEqual(tcp, {
    sourcePort: 40_000,
    destinationPort: 80,
    seq: 1_862_130_205,
    ack: 0,
    flags: Flag.syn,
    window: 64_240,
    urgent: 0,
    headerBytes: 40,
    optionsAt: 54,
    optionBytes: 20,
    payloadAt: 74,
    payloadLength: 0,
  });
  assert.deepEqual(options, {
    mss: 1460,
    windowScale: 10,
    sackPermitted: true,
    hasTimestamps: true,
    timestampValue: 980_264_332,
    timestampEcho: 0,
  });
});

test('parseOptions() skips a fast-open cookie request and keeps what stands before it', () => {
  assert.deepEqual(read('fastOpenSyn').options, {
    mss: 1460,
    windowScale: 10,
    sackPermitted: true,
    hasTimestamps: true,
    timestampValue: 433_694_669,
    timestampEcho: 0,
  });
});

test('parseIpv4() skips a record-route option by its length', () => {
  const { ip, tcp } = read('recordRoute');
  assert.deepEqual([ip.headerBytes, ip.payloadAt, ip.payloadEnd], [28, 42, 82]);
  assert.deepEqual([tcp.sourcePort, tcp.destinationPort, tcp.flags], [40_004, 80, Flag.syn]);
});

test('parseIcmp() hands over code, next-hop MTU, and ports and sequence number of the segment in question', () => {
  const { icmp } = read('tooLong');
  assert.deepEqual(icmp, {
    type: IcmpType.unreachable,
    code: 4,
    identifier: 0,
    sequence: 1280,
    nextHopMtu: 1280,
    quotesTcp: true,
    quotedSource: 0xc612_0001 | 0,
    quotedDestination: 0xc612_0101 | 0,
    quotedSourcePort: 40_007,
    quotedDestinationPort: 80,
    quotedSeq: 1_003_356_255,
  });
  assert.equal(read('hostUnreachable').icmp.nextHopMtu, 0);
  assert.equal(read('udpRefused').icmp.quotesTcp, false);
});

const segments = [
  'syn',
  'synAck',
  'handshakeAck',
  'oddRequest',
  'response',
  'fin',
  'refused',
  'plainSyn',
  'plainAck',
  'oneByte',
  'abort',
] as const satisfies readonly KernelFrame[];

for (const name of segments) {
  test(`emitSegment() writes "${name}" as the kernel did`, () => {
    const original = kernelFrame(name);
    const { ethernet, ip, tcp, options } = read(name);
    const frame = new Uint8Array(original.length);
    const memory = viewOf(frame);
    frame.set(original.subarray(tcp.payloadAt), tcp.payloadAt);
    if (tcp.optionBytes > 0) {
      const isSyn = (tcp.flags & Flag.syn) !== 0;
      const written = isSyn
        ? emitSynOptions(memory, segmentOptionsAt, options)
        : emitTimestamps(memory, segmentOptionsAt, options.timestampValue, options.timestampEcho);
      assert.equal(written, tcp.optionBytes);
    }
    assert.equal(emitSegment(memory, 0, ethernet, ip, tcp), original.length);
    assert.deepEqual(frame.subarray(tcpAt), original.subarray(tcpAt));
    // Identification and time to live are not copied, so the IP checksum is another one.
    const asSent = original.slice(0, tcpAt);
    for (const at of [4, 5, 8, 10, 11]) asSent[ipAt + at] = frame[ipAt + at];
    assert.deepEqual(frame.subarray(0, tcpAt), asSent);
    assert.equal(verdictOn(frame), 'tcp ok');
  });
}

test('emitIpv4() writes the header of "lateReset", which has no identification, as the kernel did', () => {
  const original = kernelFrame('lateReset');
  const frame = new Uint8Array(20);
  emitIpv4(viewOf(frame), 0, read('lateReset').ip);
  assert.deepEqual(frame, original.slice(ipAt, tcpAt));
});

test('emitArp() answers as the kernel did', () => {
  const { ethernet, arp } = read('arpReply');
  const frame = new Uint8Array(42);
  emitEthernet(viewOf(frame), 0, ethernet);
  emitArp(viewOf(frame), ipAt, arp);
  assert.deepEqual(frame, kernelFrame('arpReply'));
});

test('hardwareHigh() and hardwareLow() are the two numbers that parseEthernet() has for an address', () => {
  const frame = kernelFrame('arpReply');
  frame.set([0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54]);
  const reader = new FrameReader();
  reader.read(viewOf(frame), 0, frame.length);
  const { destinationHigh, destinationLow } = reader.ethernet;
  assert.deepEqual([destinationHigh, destinationLow], [0xfedc, 0xba98_7654 | 0]);
  assert.deepEqual([hardwareHigh(frame), hardwareLow(frame)], [destinationHigh, destinationLow]);
});

test('emitEcho() turns the request into the reply of the kernel, its odd body left in place', () => {
  const frame = kernelFrame('echoRequest');
  const { icmp } = read('echoRequest');
  icmp.type = IcmpType.echoReply;
  emitEcho(viewOf(frame), tcpAt, icmp, frame.length - tcpAt - icmpHeaderBytes);
  assert.deepEqual(frame.subarray(tcpAt), kernelFrame('echoReply').subarray(tcpAt));
});

test('no byte of an IP packet can be changed unseen: 255 values of each byte of five frames', () => {
  const reader = new FrameReader();
  for (const name of ['syn', 'oddRequest', 'recordRoute', 'tooLong', 'echoReply'] as const) {
    const frame = kernelFrame(name).subarray(0);
    const memory = viewOf(frame);
    const reaches = Math.min(frame.length, 120);
    for (let at = ipAt; at < reaches; at++) {
      const right = frame[at];
      for (let other = 1; other < 256; other++) {
        frame[at] = right ^ other;
        if (reader.read(memory, 0, frame.length) === Verdict.ok)
          assert.fail(`${name}: byte ${at} was ${right}, ${right ^ other} went unseen`);
      }
      frame[at] = right;
    }
    assert.equal(reader.read(memory, 0, frame.length), Verdict.ok, name);
  }
});

test('no cut frame is taken for a whole one, and none is read past its end: every length of every frame', () => {
  const reader = new FrameReader();
  for (const name of kernelFrameNames) {
    const frame = kernelFrame(name);
    for (let length = 0; length < frame.length; length++) {
      const cut = frame.slice(0, length);
      assert.equal(reader.read(viewOf(cut), 0, length), Verdict.truncated, `${name} cut to ${length}`);
    }
  }
});
