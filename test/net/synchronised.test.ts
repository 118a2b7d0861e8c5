import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, established, type Script } from './script.ts';

/** Lives: it takes the next byte, and says so. */
function lives(script: Script, seq = 1, ack = 1): void {
  script.segments();
  script.say('P.', { seq, ack, data: 'alive' });
  assert.equal(script.read(), 'alive');
}

for (const role of ['passive', 'active'] as const) {
  const open = role === 'passive' ? established : connected;

  test(`C24: a SYN in the window is answered by an ACK, and the ${role} side lives`, () => {
    const script = open();
    script.say('S', { seq: 100 });
    script.say('S.', { seq: 1, ack: 1 });
    assert.deepEqual(script.heard(), ['. 1 ack 1', '. 1 ack 1']);
    lives(script);
  });

  test(`C25: a RST at exactly RCV.NXT ends the ${role} side at once`, () => {
    const script = open();
    script.say('R', { seq: 1 });
    assert.deepEqual(script.events(), ['FAILED']);
    assert.equal(script.stack.errorOf(script.id), 104);
    assert.deepEqual(script.heard(), []);
    assert.equal(script.state, 'closed');
    script.stack.close(script.id);
    assert.deepEqual(script.events(), []);
  });

  test(`C26: a RST in the window, but not at RCV.NXT, is answered by an ACK, and the ${role} side lives`, () => {
    const script = open();
    script.say('R', { seq: 2 });
    assert.deepEqual(script.heard(), ['. 1 ack 1']);
    lives(script);
  });

  test(`C27: a RST outside the window meets silence on the ${role} side`, () => {
    const script = open();
    script.say('R', { seq: -1 });
    script.say('R', { seq: 10_000_000 });
    assert.deepEqual(script.heard(), []);
    lives(script);
  });

  test(`C28: an ACK beyond SND.NXT is not accepted by the ${role} side`, () => {
    const script = open();
    script.say('P.', { seq: 1, ack: 2, data: 'forged' });
    assert.equal(script.read(), '');
    assert.deepEqual(script.heard(), ['. 1 ack 1']);
    lives(script);
  });
}

test('C29: an ACK older than SND.UNA by more than the widest window is answered by an ACK, its data dropped', () => {
  const script = established();
  script.say('P.', { seq: 1, ack: -70_000, data: 'forged' });
  assert.equal(script.read(), '');
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
  script.say('P.', { seq: 1, ack: 0, data: 'old, but within reach' });
  assert.equal(script.read(), 'old, but within reach');
});

test('challenge ACKs are limited', () => {
  const script = established();
  for (let count = 0; count < 3_000; count++) script.say('R', { seq: 2 });
  const answers = script.segments().length;
  assert.ok(answers >= 500 && answers < 1_500, String(answers));
  assert.equal(script.stack.counters.challengeAcks, answers);
  script.pass(1_000);
  script.say('R', { seq: 2 });
  assert.equal(script.segments().length, 1);
});

test('C31: data wholly outside the window is answered by an ACK of RCV.NXT, and not delivered', () => {
  const script = established();
  script.say('P.', { seq: 300_000, ack: 1, data: 'far' });
  script.say('P.', { seq: -10, ack: 1, data: 'old' });
  assert.equal(script.read(), '');
  assert.deepEqual(script.heard(), ['. 1 ack 1', '. 1 ack 1']);
});

test('data that reaches beyond the window is taken up to its edge', () => {
  const script = established({ buffers: { smallBytes: 512, largeBytes: 1_024, memoryBytes: 65_536 } });
  script.say('P.', { seq: 1, ack: 1, data: 'a'.repeat(1_400) });
  assert.equal(script.stack.readable(script.id), 1_023);
  assert.deepEqual(script.heard(), ['. 1 ack 1024']);
});

test('C32: a keep-alive, nothing or a byte before RCV.NXT, is answered by an ACK', () => {
  const script = established();
  script.say('.', { seq: 0, ack: 1 });
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
  script.say('.', { seq: 0, ack: 1, data: 'x' });
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
});

test('bare ACKs outside the window are answered seldom: two sides that are both wrong come to rest', () => {
  const script = established();
  for (let count = 0; count < 10; count++) script.say('.', { seq: -5, ack: 1 });
  assert.equal(script.segments().length, 1);
  script.pass(500);
  script.say('.', { seq: -5, ack: 1 });
  assert.equal(script.segments().length, 1);
});

test('C33: out of order: a duplicate ACK at once, held; the hole filled: one ACK of all', () => {
  const script = established();
  script.say('P.', { seq: 6, ack: 1, data: 'world' });
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
  assert.deepEqual(script.events(), []);
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  assert.deepEqual(script.heard(), ['. 1 ack 11']);
  assert.deepEqual(script.events(), ['READABLE']);
  assert.equal(script.read(), 'helloworld');
});

test('C34: overlapping, contained, repeated segments: the bytes are exact, the first to come stay', () => {
  const script = established();
  script.say('.', { seq: 4, ack: 1, data: 'DEF' });
  script.say('.', { seq: 2, ack: 1, data: 'bcdefgh' });
  script.say('.', { seq: 5, ack: 1, data: 'e' });
  script.say('.', { seq: 1, ack: 1, data: 'abcdefghij' });
  script.say('.', { seq: 1, ack: 1, data: 'ABCDEFGHIJ' });
  assert.equal(script.read(), 'abcDEFghij');
  const heard = script.heard();
  assert.equal(heard.at(-1), '. 1 ack 11');
});

test('more ranges out of order than are kept: what is dropped comes again', () => {
  const script = established();
  for (let index = 40; index > 0; index--) script.say('.', { seq: 1 + 2 * index, ack: 1, data: 'x' });
  for (let index = 0; index < 82; index++) script.say('.', { seq: 1 + index, ack: 1, data: 'x' });
  assert.equal(script.stack.readable(script.id), 82);
  script.pass(40);
  assert.equal(script.heard().at(-1), '. 1 ack 83');
});

for (const [name, damage, counter] of [
  ['bad TCP checksum', (m: Uint8Array, at: number) => (m[at + 50] ^= 1), 'badTcpChecksum'],
  ['payload that was turned', (m: Uint8Array, at: number) => (m[at + 55] ^= 1), 'badTcpChecksum'],
  ['bad IP checksum', (m: Uint8Array, at: number) => (m[at + 24] ^= 1), 'badIpChecksum'],
] as const)
  test(`C36: ${name}: silence, and it is counted`, () => {
    const script = established();
    script.say('P.', {
      seq: 1,
      ack: 1,
      data: 'hello',
      damage: (memory, at, length) => {
        damage(memory, at);
        return length;
      },
    });
    assert.deepEqual(script.heard(), []);
    assert.equal(script.read(), '');
    assert.equal(script.stack.counters.drops[counter], 1);
  });

for (const [name, damage] of [
  ['data offset 4', (m: Uint8Array, at: number) => (m[at + 46] = 0x40)],
  ['data offset beyond the segment', (m: Uint8Array, at: number) => (m[at + 46] = 0xf0)],
  ['an IP length beyond the frame', (m: Uint8Array, at: number) => (m[at + 16] = 0x7f)],
  ['an IP length of 30: half a TCP header', (m: Uint8Array, at: number) => (m[at + 17] = 30)],
] as const)
  test(`C37: ${name}: silence, and it is counted`, () => {
    const script = established();
    script.say('P.', {
      seq: 1,
      ack: 1,
      data: 'hello',
      damage: (memory, at, length) => {
        damage(memory, at);
        return length;
      },
    });
    assert.deepEqual(script.heard(), []);
    const dropped = Object.values(script.stack.counters.drops).reduce((sum, count) => sum + count, 0);
    assert.equal(dropped, 1);
  });

test('C37: frames cut short anywhere: silence', () => {
  const script = established();
  for (let length = 0; length < 59; length++)
    script.say('P.', { seq: 1, ack: 1, data: 'hello', damage: () => length });
  assert.deepEqual(script.heard(), []);
  assert.equal(script.read(), '');
});

test('C38: a wild urgent pointer: the bytes are delivered in line', () => {
  const script = established();
  script.say('PU.', { seq: 1, ack: 1, data: 'urgent', urgent: 60_000 });
  assert.equal(script.read(), 'urgent');
});

test('a segment without ACK is dropped', () => {
  const script = established();
  script.say('P', { seq: 1, data: 'x' });
  assert.equal(script.read(), '');
  assert.equal(script.stack.counters.drops.noAck, 1);
});

test('C44: data after the application closed is answered by a RST', () => {
  const script = established();
  script.stack.close(script.id);
  script.flush();
  script.segments();
  script.say('P.', { seq: 1, ack: 2, data: 'late' });
  assert.deepEqual(script.heard(), ['R. 2 ack 1']);
  script.say('P.', { seq: 1, ack: 2, data: 'later' });
  assert.deepEqual(script.heard(), ['R 2']);
});

test('D55: an old timestamp on a good sequence number is dropped, and an ACK sent', () => {
  const script = established({}, { mss: 1_460, stamp: [1_000, 0] });
  script.say('P.', { seq: 1, ack: 1, data: 'new', stamp: [2_000, 0] });
  assert.equal(script.read(), 'new');
  script.segments();
  script.say('P.', { seq: 4, ack: 1, data: 'old', stamp: [1_500, 0] });
  assert.equal(script.read(), '');
  assert.deepEqual(script.heard(), ['. 1 ack 4']);
  assert.equal(script.stack.counters.drops.paws, 1);
  script.say('R', { seq: 4, stamp: [1, 0] });
  assert.deepEqual(script.events().at(-1), 'FAILED');
});

test('D55: timestamps are compared across the wrap', () => {
  const script = established({}, { mss: 1_460, stamp: [0x7fff_ff00, 0] });
  script.say('P.', { seq: 1, ack: 1, data: 'new', stamp: [-0x7fff_ff00, 0] });
  assert.equal(script.read(), 'new');
});

test('RFC 7323 3.2: timestamps were agreed on; a segment without one is dropped, a RST is not', () => {
  const script = established({}, { mss: 1_460, stamp: [1_000, 0] });
  script.say('P.', { seq: 1, ack: 1, data: 'bare' });
  assert.equal(script.read(), '');
  assert.equal(script.stack.counters.drops.noTimestamp, 1);
  script.say('R', { seq: 1 });
  assert.deepEqual(script.events(), ['FAILED']);
});

test('TS.Recent is not taken from a segment beyond the last ACK', () => {
  const script = established({}, { mss: 1_460, stamp: [1_000, 0] });
  script.say('P.', { seq: 6, ack: 1, data: 'ahead', stamp: [3_000, 0] });
  assert.equal(script.segments()[0].stamp?.[1], 1_000);
  script.say('P.', { seq: 1, ack: 1, data: 'first', stamp: [2_000, 0] });
  assert.equal(script.segments()[0].stamp?.[1], 2_000);
  assert.equal(script.read(), 'firstahead');
});
