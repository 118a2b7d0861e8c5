/** Reading what was written gives it back, whatever the fields, the payload, the offset and what stands around it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { arpView, emitArp, parseArp } from '../../net/wire/arp.ts';
import { type EthernetView, EtherType, emitEthernet } from '../../net/wire/ethernet.ts';
import { emitEcho, icmpHeaderBytes, icmpView } from '../../net/wire/icmp.ts';
import { emitIpv4, ipv4HeaderBytes, ipv4View, isHost, Protocol } from '../../net/wire/ipv4.ts';
import { emitSegment, segmentOptionsAt, tcpHeaderBytes, tcpView } from '../../net/wire/tcp.ts';
import { Verdict } from '../../net/wire/verdict.ts';
import { FrameReader, viewOf } from './frame-reader.ts';
import { ipAt, tcpAt } from './segment.ts';

const word = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)), fc.integer());
const half = fc.oneof(fc.constantFrom(0, 1, 0xffff), fc.integer({ min: 0, max: 0xffff }));
const host = fc.integer().filter(isHost);
const ethernet: fc.Arbitrary<EthernetView> = fc.record({
  destinationHigh: half,
  destinationLow: word,
  sourceHigh: half,
  sourceLow: word,
  etherType: fc.constant(EtherType.ipv4),
});
const tcp = fc.record({
  sourcePort: half,
  destinationPort: half,
  seq: word,
  ack: word,
  flags: fc.integer({ min: 0, max: 255 }),
  window: half,
  urgent: half,
});
const options = fc
  .integer({ min: 0, max: 10 })
  .chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 }));
const around = fc.integer({ min: 0, max: 255 });
const slack = fc.nat({ max: 9 });

/** What is left of a view when the other's fields alone are looked at. */
function fieldsOf<View extends object>(view: View, like: object): Partial<View> {
  return Object.fromEntries(Object.entries(view).filter(([name]) => name in like)) as Partial<View>;
}

test('emitSegment(), then reading, gives back every field, the options and the payload', () => {
  const reader = new FrameReader();
  fc.assert(
    fc.property(
      ethernet,
      host,
      word,
      tcp,
      options,
      fc.uint8Array({ maxLength: 200 }),
      fc.record({ fill: around, before: slack, after: slack }),
      (frameHeader, source, destination, fields, optionBytes, payload, place) => {
        const length = segmentOptionsAt + optionBytes.length + payload.length;
        const end = place.before + length;
        const bytes = new Uint8Array(end + place.after).fill(place.fill);
        bytes.set(optionBytes, place.before + segmentOptionsAt);
        bytes.set(payload, place.before + segmentOptionsAt + optionBytes.length);
        const ip = { ...ipv4View(), source, destination, protocol: Protocol.tcp };
        const header = {
          ...tcpView(),
          ...fields,
          optionBytes: optionBytes.length,
          payloadLength: payload.length,
        };

        assert.equal(emitSegment(viewOf(bytes), place.before, frameHeader, ip, header), length);
        assert.equal(reader.read(viewOf(bytes), place.before, end), Verdict.ok);
        assert.deepEqual(reader.ethernet, { ...frameHeader });
        assert.deepEqual([reader.ip.source, reader.ip.destination], [source, destination]);
        assert.equal(reader.ip.payloadEnd, end);
        assert.deepEqual(fieldsOf(reader.tcp, fields), { ...fields });
        const { optionsAt, payloadAt, payloadLength } = reader.tcp;
        assert.deepEqual(bytes.subarray(optionsAt, payloadAt), optionBytes);
        assert.deepEqual(bytes.subarray(payloadAt, payloadAt + payloadLength), payload);
        const outside = [...bytes.subarray(0, place.before), ...bytes.subarray(end)];
        assert.ok(
          outside.every((byte) => byte === place.fill),
          'nothing is written outside of the frame',
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test('emitSegment() and emitIpv4() take the longest datagram there is', () => {
  const bytes = new Uint8Array(ipAt + 65_535).fill(0xff);
  const payloadLength = 65_535 - ipv4HeaderBytes - tcpHeaderBytes;
  const ip = { ...ipv4View(), source: 0xdfff_ffff | 0, destination: -1, protocol: Protocol.tcp };
  const header = {
    ...tcpView(),
    seq: -1,
    ack: -1,
    flags: 255,
    window: 0xffff,
    urgent: 0xffff,
    payloadLength,
  };
  const frameHeader = { ...new FrameReader().ethernet, etherType: EtherType.ipv4 };
  const reader = new FrameReader();
  assert.equal(emitSegment(viewOf(bytes), 0, frameHeader, ip, header), bytes.length);
  assert.equal(reader.read(viewOf(bytes), 0, bytes.length), Verdict.ok);
  assert.equal(reader.tcp.payloadLength, payloadLength);
});

test('emitEcho(), then parseIcmp(), gives back identifier and sequence, of any body', () => {
  const reader = new FrameReader();
  fc.assert(
    fc.property(
      fc.constantFrom(0, 8),
      half,
      half,
      fc.uint8Array({ maxLength: 100 }),
      host,
      (type, identifier, sequence, body, source) => {
        const end = tcpAt + icmpHeaderBytes + body.length;
        const bytes = new Uint8Array(end).fill(0xee);
        bytes.set(body, tcpAt + icmpHeaderBytes);
        emitEthernet(viewOf(bytes), 0, { ...reader.ethernet, etherType: EtherType.ipv4 });
        const payloadLength = icmpHeaderBytes + body.length;
        emitIpv4(viewOf(bytes), ipAt, { ...ipv4View(), source, protocol: Protocol.icmp, payloadLength });
        emitEcho(viewOf(bytes), tcpAt, { ...icmpView(), type, identifier, sequence }, body.length);
        assert.equal(reader.read(viewOf(bytes), 0, end), Verdict.ok);
        assert.deepEqual(
          [reader.icmp.type, reader.icmp.code, reader.icmp.identifier, reader.icmp.sequence],
          [type, 0, identifier, sequence],
        );
        assert.deepEqual(bytes.subarray(tcpAt + icmpHeaderBytes), body);
      },
    ),
  );
});

test('emitArp(), then parseArp(), gives back all of it', () => {
  const packet = fc.record({
    operation: half,
    senderHigh: half,
    senderLow: word,
    senderAddress: word,
    targetHigh: half,
    targetLow: word,
    targetAddress: word,
  });
  fc.assert(
    fc.property(packet, slack, (wanted, at) => {
      const bytes = new Uint8Array(at + 28);
      const out = arpView();
      emitArp(viewOf(bytes), at, wanted);
      assert.equal(parseArp(viewOf(bytes), at, bytes.length, out), Verdict.ok);
      assert.deepEqual(out, { ...wanted });
    }),
  );
});
