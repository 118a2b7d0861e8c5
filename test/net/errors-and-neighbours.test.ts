import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameBatch } from '../../net/links/link.ts';
import { ArpOperation, arpView, emitArp, parseArp } from '../../net/wire/arp.ts';
import { checksum, sum16 } from '../../net/wire/checksum.ts';
import { emitEthernet, ethernetView, hardwareHigh, hardwareLow } from '../../net/wire/ethernet.ts';
import { emitEcho, IcmpType, icmpView, parseIcmp } from '../../net/wire/icmp.ts';
import { emitIpv4, ipv4View, parseIpv4 } from '../../net/wire/ipv4.ts';
import {
  connecting,
  established,
  listening,
  peerAddress,
  peerPort,
  Script,
  stackAddress,
  stackPort,
} from './script.ts';

const EtherType = { ipv4: 0x0800, arp: 0x0806 };

function view(script: Script): DataView {
  return new DataView(script.peerLink.memory.buffer);
}

/** A frame of the peer's, its Ethernet header written. */
function frame(script: Script, etherType: number, toAll = false): number {
  const at = script.peerLink.allocate();
  const header = ethernetView();
  header.destinationHigh = toAll ? 0xffff : hardwareHigh(script.stackLink.hardwareAddress);
  header.destinationLow = toAll ? -1 : hardwareLow(script.stackLink.hardwareAddress);
  header.sourceHigh = hardwareHigh(script.peerLink.hardwareAddress);
  header.sourceLow = hardwareLow(script.peerLink.hardwareAddress);
  header.etherType = etherType;
  emitEthernet(view(script), at, header);
  return at;
}

function sendFrame(script: Script, at: number, length: number): void {
  script.peerLink.transmit(at, length);
  script.peerLink.flush(script.nowUs);
  script.stack.poll(script.nowUs);
  script.stack.flush();
}

/** The one frame that the stack sent. @returns its offset; -1: none. */
function answer(script: Script): number {
  const batch = frameBatch(4);
  const count = script.peerLink.receive(batch, script.nowUs);
  assert.ok(count <= 1);
  return count === 0 ? -1 : batch.at[0];
}

function ask(script: Script, target: number): void {
  const at = frame(script, EtherType.arp, true);
  const arp = arpView();
  arp.operation = ArpOperation.request;
  arp.senderHigh = hardwareHigh(script.peerLink.hardwareAddress);
  arp.senderLow = hardwareLow(script.peerLink.hardwareAddress);
  arp.senderAddress = peerAddress | 0;
  arp.targetAddress = target | 0;
  emitArp(view(script), at + 14, arp);
  sendFrame(script, at, 42);
}

test('ARP: who asks for our address is told', () => {
  const script = new Script();
  ask(script, stackAddress);
  const at = answer(script);
  const arp = arpView();
  parseArp(view(script), at + 14, at + 42, arp);
  assert.equal(arp.operation, ArpOperation.reply);
  assert.equal(arp.senderAddress, stackAddress | 0);
  assert.equal(arp.senderLow, hardwareLow(script.stackLink.hardwareAddress));
  assert.equal(arp.targetAddress, peerAddress | 0);
  assert.equal(script.stack.counters.arps, 1);
});

test('ARP: questions for others, and all when the kernel answers, meet silence', () => {
  const script = new Script();
  ask(script, 0xc612_0063);
  assert.equal(answer(script), -1);
  const quiet = new Script({ answers: { arp: false } });
  ask(quiet, stackAddress);
  assert.equal(answer(quiet), -1);
});

function ping(script: Script, to: number, length = 56): void {
  const at = frame(script, EtherType.ipv4);
  const icmp = icmpView();
  icmp.type = IcmpType.echoRequest;
  icmp.identifier = 7;
  icmp.sequence = 9;
  for (let index = 0; index < length; index++) script.peerLink.memory[at + 42 + index] = index;
  emitEcho(view(script), at + 34, icmp, length);
  const ip = ipv4View();
  ip.protocol = 1;
  ip.source = peerAddress | 0;
  ip.destination = to | 0;
  ip.payloadLength = 8 + length;
  emitIpv4(view(script), at + 14, ip);
  sendFrame(script, at, 42 + length);
}

test('ping is answered with the body it brought', () => {
  const script = new Script();
  ping(script, stackAddress, 57);
  const at = answer(script);
  const ip = ipv4View();
  const icmp = icmpView();
  assert.equal(parseIpv4(view(script), at + 14, at + 99, ip), 0);
  assert.equal(parseIcmp(view(script), ip.payloadAt, ip.payloadEnd, icmp), 0);
  assert.deepEqual([icmp.type, icmp.identifier, icmp.sequence], [IcmpType.echoReply, 7, 9]);
  assert.equal(ip.destination, peerAddress | 0);
  assert.equal(script.peerLink.memory[at + 42 + 56], 56);
  assert.equal(script.stack.counters.pings, 1);
});

test('ping of others, and all when the kernel answers, meets silence', () => {
  const script = new Script();
  ping(script, 0xc612_0063);
  assert.equal(answer(script), -1);
  const quiet = new Script({ answers: { ping: false } });
  ping(quiet, stackAddress);
  assert.equal(answer(quiet), -1);
});

test('a fragment is counted and dropped', () => {
  const script = listening();
  script.say('S', {
    damage: (memory, at, length) => {
      const header = new DataView(memory.buffer);
      header.setUint16(at + 20, 0x2000);
      header.setUint16(at + 24, 0);
      header.setUint16(at + 24, checksum(sum16(header, at + 14, 20, 0)));
      return length;
    },
  });
  assert.equal(script.stack.counters.drops.fragment, 1);
  assert.deepEqual(script.heard(), []);
});

interface Unreachable {
  readonly code: number;
  readonly type?: number;
  readonly mtu?: number;
  /** Relative to the stack's initial sequence number. */
  readonly seq: number;
  readonly port?: number;
}

/** A router's word about a segment of the stack's. */
function complain(script: Script, { code, type = 3, mtu = 0, seq, port = peerPort }: Unreachable): void {
  const at = frame(script, EtherType.ipv4);
  const memory = view(script);
  const quotedAt = at + 42;
  const quoted = ipv4View();
  quoted.protocol = 6;
  quoted.source = stackAddress | 0;
  quoted.destination = peerAddress | 0;
  quoted.payloadLength = 8;
  emitIpv4(memory, quotedAt, quoted);
  memory.setUint16(quotedAt + 20, stackPort);
  memory.setUint16(quotedAt + 22, port);
  memory.setInt32(quotedAt + 24, script.isn + seq);
  memory.setInt32(at + 34, (type << 24) | (code << 16));
  memory.setInt32(at + 38, mtu);
  memory.setUint16(at + 36, checksum(sum16(memory, at + 34, 36, 0)));
  const ip = ipv4View();
  ip.protocol = 1;
  ip.source = 0xc612_0063 | 0;
  ip.destination = stackAddress | 0;
  ip.payloadLength = 36;
  emitIpv4(memory, at + 14, ip);
  sendFrame(script, at, 70);
}

for (const code of [0, 1, 2, 3, 5])
  test(`C45: unreachable, code ${code}, never ends an established connection`, () => {
    const script = established();
    script.write('hello');
    script.flush();
    complain(script, { code, seq: 1 });
    assert.deepEqual(script.events(), []);
    assert.equal(script.state, 'established');
  });

test('C45: unreachable ends a connection that is opening, if it names its SYN', () => {
  for (const [code, errno] of [
    [1, 113],
    [3, 111],
  ]) {
    const script = connecting();
    script.segments();
    complain(script, { code, seq: 4_000 });
    script.turn();
    assert.deepEqual(script.events(), []);
    assert.equal(script.stack.counters.drops.icmp, 1);
    complain(script, { code, seq: 0 });
    script.turn();
    assert.deepEqual(script.events(), ['FAILED']);
    assert.equal(script.stack.errorOf(script.id), errno);
  }
});

test('C45: fragmentation needed makes segments shorter, and sends the long one again', () => {
  const script = established();
  script.write('x'.repeat(1_460));
  script.flush();
  script.segments();
  complain(script, { code: 4, mtu: 1_000, seq: 1 });
  script.turn();
  assert.deepEqual(script.heard(), ['. 1+960 ack 1', 'P. 961+500 ack 1']);
});

test('C45: fragmentation needed with a tiny MTU, or forged: a floor, or nothing', () => {
  const script = established();
  script.write('x'.repeat(1_460));
  script.flush();
  script.segments();
  complain(script, { code: 4, mtu: 68, seq: 90_000 });
  script.turn();
  assert.deepEqual(script.heard(), []);
  complain(script, { code: 4, mtu: 68, seq: 1 });
  script.turn();
  assert.deepEqual(script.heard(), ['. 1+512 ack 1', '. 513+512 ack 1', 'P. 1025+436 ack 1']);
});

test('C45: fragmentation needed in SYN-RECEIVED: the handshake goes on, in shorter segments', () => {
  const script = listening();
  script.say('S', { mss: 1_460 });
  script.segments();
  complain(script, { code: 4, mtu: 1_000, seq: 0 });
  script.turn();
  assert.deepEqual(script.heard(), []);
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
  script.write('x'.repeat(1_000));
  script.flush();
  assert.deepEqual(script.heard(), ['. 1+960 ack 1', 'P. 961+40 ack 1']);
});

test('C45: fragmentation needed in SYN-SENT: the connection opens all the same', () => {
  const script = connecting();
  script.segments();
  complain(script, { code: 4, mtu: 1_000, seq: 0 });
  script.turn();
  assert.deepEqual(script.heard(), []);
  script.say('S.', { seq: 0, ack: 1, mss: 1_460 });
  assert.deepEqual(script.events(), ['CONNECTED']);
});

test('C45: source quench is passed over', () => {
  const script = established();
  script.write('x'.repeat(1_460));
  script.flush();
  script.segments();
  complain(script, { code: 0, type: IcmpType.sourceQuench, seq: 1 });
  script.turn();
  assert.deepEqual(script.heard(), []);
  assert.equal(script.state, 'established');
});

/** The stack's question: who has which address? */
function asked(script: Script): number {
  const at = answer(script);
  if (at < 0) return 0;
  const arp = arpView();
  parseArp(view(script), at + 14, at + 42, arp);
  script.peerLink.release(at);
  return arp.operation === ArpOperation.request ? arp.targetAddress >>> 0 : -1;
}

function reply(script: Script, address: number): void {
  const at = frame(script, EtherType.arp);
  const arp = arpView();
  arp.operation = ArpOperation.reply;
  arp.senderHigh = hardwareHigh(script.peerLink.hardwareAddress);
  arp.senderLow = hardwareLow(script.peerLink.hardwareAddress);
  arp.senderAddress = address | 0;
  arp.targetAddress = stackAddress | 0;
  emitArp(view(script), at + 14, arp);
  script.peerLink.transmit(at, 42);
  script.peerLink.flush(script.nowUs);
}

test('connect() to a neighbour that is not known asks for it first, then sends the SYN', () => {
  const script = new Script();
  script.stack.setRoute(0xc612_0000, 16, 0);
  const id = script.stack.connect(stackAddress, 80, 0xc612_0055, 90);
  assert.ok(id >= 0);
  script.stack.flush();
  assert.equal(asked(script), 0xc612_0055);
  reply(script, 0xc612_0055);
  script.turn();
  assert.deepEqual(
    script.segments().map(({ flags }) => flags),
    ['S'],
  );
});

test('connect() over a route asks for the next hop; the longest prefix counts', () => {
  const script = new Script();
  script.stack.setRoute(0, 0, 0xc612_00fe);
  script.stack.setRoute(0x0a01_0000, 16, 0xc612_00fd);
  script.stack.connect(stackAddress, 80, 0x0a01_0203, 90);
  script.stack.flush();
  assert.equal(asked(script), 0xc612_00fd);
  script.stack.connect(stackAddress, 81, 0x0a02_0203, 90);
  script.stack.flush();
  assert.equal(asked(script), 0xc612_00fe);
  reply(script, 0xc612_00fe);
  script.turn();
  assert.deepEqual(
    script.segments().map(({ fromPort }) => fromPort),
    [81],
  );
});

test('a neighbour that never answers is asked for again, and connect fails', () => {
  const script = new Script({ timers: { synRetries: 2 } });
  script.stack.setRoute(0xc612_0000, 16, 0);
  script.stack.connect(stackAddress, 80, 0xc612_0055, 90);
  script.stack.flush();
  let questions = 0;
  for (let second = 0; second < 20; second++) {
    if (asked(script) !== 0) questions++;
    script.nowUs += 1_000_000;
    script.stack.poll(script.nowUs);
    if (script.stack.takeEvents() > 0) break;
    script.stack.flush();
  }
  assert.equal(script.stack.errorOf(script.stack.events.id[0]), 113);
  assert.equal(questions, 3);
});

test('an ARP reply that nobody asked for is not believed', () => {
  const script = new Script();
  script.stack.setRoute(0xc612_0000, 16, 0);
  reply(script, 0xc612_0055);
  script.turn();
  script.stack.connect(stackAddress, 80, 0xc612_0055, 90);
  script.stack.flush();
  assert.equal(asked(script), 0xc612_0055);
});
