import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connected,
  connecting,
  established,
  listening,
  peerAddress,
  Script,
  stackAddress,
} from './script.ts';

test('A1: a SYN is answered by a SYN+ACK that acknowledges it, with an MSS', () => {
  const script = listening();
  script.say('S', { seq: 0, mss: 1_460 });
  const [answer] = script.segments();
  assert.equal(answer.flags, 'S.');
  assert.equal(answer.ack, 1);
  assert.equal(answer.mss, 1_460);
  assert.deepEqual(script.events(), []);
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
  assert.equal(script.state, 'established');
  assert.equal(script.stack.localAddress(script.id), stackAddress);
  assert.equal(script.stack.remoteAddress(script.id), peerAddress);
  assert.equal(script.stack.localPort(script.id), 80);
  assert.equal(script.stack.remotePort(script.id), 40_000);
  assert.equal(script.stack.establishedAtUs(script.id), script.nowUs);
});

test('A2: a SYN without options gets none back, and segments of at most 536 bytes', () => {
  const script = listening();
  script.say('S', { seq: 0 });
  const [answer] = script.segments();
  assert.deepEqual([answer.scale, answer.sack, answer.stamp], [-1, false, null]);
  script.say('.', { seq: 1, ack: 1 });
  script.write('x'.repeat(1_200));
  script.flush();
  assert.deepEqual(script.heard(), ['. 1+536 ack 1', '. 537+536 ack 1', 'P. 1073+128 ack 1']);
});

test('A3: unknown options are skipped by their length', () => {
  const script = listening();
  script.say('S', { options: Uint8Array.of(77, 4, 9, 9, 253, 6, 1, 2, 3, 4, 2, 4, 0x05, 0xb4, 1, 1) });
  assert.deepEqual(script.heard(), ['S. 0 ack 1']);
  script.say('.', { seq: 1, ack: 1 });
  script.write('x'.repeat(1_460));
  script.flush();
  assert.deepEqual(script.heard(), ['P. 1+1460 ack 1']);
});

for (const [name, options] of [
  ['0', [77, 0, 1, 1]],
  ['1', [77, 1, 1, 1]],
  ['past the header', [1, 1, 2, 40]],
] as const)
  test(`A4: an option of length ${name} ends the options, and nothing else`, () => {
    const script = listening();
    script.say('S', { options: Uint8Array.from(options) });
    assert.deepEqual(script.heard(), ['S. 0 ack 1']);
  });

test('A5: no segment is longer than the MSS of the peer', () => {
  const script = established({}, { mss: 100 });
  script.write('x'.repeat(10_000));
  let sent = 0;
  for (let ack = 1; sent < 10_000; ) {
    script.flush();
    const segments = script.segments();
    assert.ok(segments.length > 0);
    for (const { data } of segments) {
      assert.ok(data.length <= 100);
      sent += data.length;
      ack += data.length;
    }
    script.say('.', { seq: 1, ack });
  }
  assert.equal(sent, 10_000);
});

for (const mss of [0, 1, 47])
  test(`A5: an MSS of ${mss} does not make tiny segments`, () => {
    const script = listening();
    script.say('S', { options: Uint8Array.of(2, 4, 0, mss) });
    script.segments();
    script.say('.', { seq: 1, ack: 1 });
    script.write('x'.repeat(640));
    script.flush();
    const lengths = script.segments().map(({ data }) => data.length);
    assert.ok(
      lengths.every((length) => length >= 64),
      String(lengths),
    );
  });

test('A6: a window is scaled as the SYN said, but not in the SYN itself', () => {
  const script = listening();
  script.say('S', { mss: 1_460, scale: 14, window: 1_000 });
  assert.equal(script.segments()[0].scale, 2);
  script.say('.', { seq: 1, ack: 1, window: 1 });
  script.write('x'.repeat(20_000));
  for (let ack = 1; ack < 14_601; ) {
    script.flush();
    for (const { seq, data } of script.segments()) ack = seq + data.length;
    // What is under way may never be more than 16,384.
    script.say('.', { seq: 1, ack, window: 1 });
  }
  const idle = established({}, { mss: 16_000, scale: 14, window: 1_000 });
  idle.write('x'.repeat(1_460 * 8));
  idle.flush();
  const first = idle.segments().reduce((sum, { data }) => sum + data.length, 0);
  assert.equal(first, 1_460 * 8);
});

test('A6: before the first ACK only the unscaled window of the SYN counts; a scale of 15 is 14', () => {
  const script = listening();
  script.say('S', { options: Uint8Array.of(2, 4, 0x05, 0xb4, 3, 3, 15, 0), window: 100 });
  script.segments();
  script.say('.', { seq: 1, ack: 1, window: 1 });
  script.write('x'.repeat(20_000));
  script.flush();
  let sent = script.segments().reduce((sum, { data }) => sum + data.length, 0);
  assert.equal(sent, 14_600);
  script.say('.', { seq: 1, ack: 14_601, window: 1 });
  sent = script.segments().reduce((sum, { data }) => sum + data.length, 0);
  assert.equal(sent, 5_400);
});

test('A7: timestamps echo in the SYN+ACK and in every later segment but a RST', () => {
  const script = listening();
  script.say('S', { mss: 1_460, stamp: [1_000, 0] });
  const [answer] = script.segments();
  assert.equal(answer.stamp?.[1], 1_000);
  script.say('.', { seq: 1, ack: 1, stamp: [1_001, answer.stamp?.[0] ?? 0] });
  script.write('hello');
  script.flush();
  assert.equal(script.segments()[0].stamp?.[1], 1_001);
  script.stack.abort(script.id);
  script.flush();
  const [reset] = script.segments();
  assert.deepEqual([reset.flags, reset.stamp], ['R.', null]);
});

test('A8: the MSS that is sent is the MTU less 40, whatever the options', () => {
  const script = listening();
  script.say('S', { mss: 1_460, stamp: [1, 0], scale: 7, sack: true });
  assert.equal(script.segments()[0].mss, 1_460);
});

test('A9: a SYN that comes again gets the same SYN+ACK; there is one connection', () => {
  const script = listening();
  script.say('S', { mss: 1_460 });
  script.say('S', { mss: 1_460 });
  const [first, second] = script.segments();
  assert.equal(first.rawSeq, second.rawSeq);
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
});

test('A10: a SYN+ACK that nobody acknowledges is sent again after 1, 2, 4, … s, and then forgotten', () => {
  const script = listening({ timers: { synAckRetries: 3 } });
  script.say('S', { mss: 1_460 });
  script.pass(60_000);
  const startMs = 1_000;
  assert.deepEqual(
    script.segments().map(({ flags, atMs }) => `${flags} ${atMs - startMs}`),
    ['S. 0', 'S. 1000', 'S. 3000', 'S. 7000'],
  );
  assert.equal(script.stack.nextDueUs(), Number.POSITIVE_INFINITY);
  assert.equal(script.stack.waiting(80), 0);
});

for (const ack of [0, 2, -5])
  test(`A11: in SYN-RECEIVED, an ACK of ${ack} is answered by a RST with its number`, () => {
    const script = listening();
    script.say('S', { mss: 1_460 });
    script.segments();
    script.say('.', { seq: 1, ack });
    assert.deepEqual(script.heard(), [`R ${ack}`]);
    script.say('.', { seq: 1, ack: 1 });
    assert.deepEqual(script.events(), ['ACCEPTED']);
  });

test('A11: in SYN-RECEIVED, data outside the window is answered by an ACK, and opens nothing', () => {
  const script = listening();
  script.say('S', { mss: 1_460 });
  script.segments();
  script.say('P.', { seq: 1_000_000, ack: 1, data: 'far' });
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
  assert.deepEqual(script.events(), []);
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
});

test('A11: in SYN-RECEIVED, a client that begins anew is told where we are, resets that, and gets in', () => {
  const script = listening();
  script.say('S', { seq: 0, mss: 1_460 });
  script.segments();
  script.say('S', { seq: 1_000_000, mss: 1_460 });
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
  script.say('R', { seq: 1 });
  script.say('S', { seq: 1_000_000, mss: 1_460 });
  const [answer] = script.segments();
  assert.deepEqual([answer.flags, answer.ack], ['S.', 1_000_001]);
  assert.equal(script.stack.waiting(80), 1);
});

test('A12: data in a SYN is not delivered before the handshake ends', () => {
  const script = listening();
  script.say('S', { mss: 1_460, data: 'early' });
  assert.deepEqual(script.heard(), ['S. 0 ack 1']);
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
  assert.equal(script.read(), '');
  script.say('P.', { seq: 1, ack: 1, data: 'early' });
  assert.equal(script.read(), 'early');
});

test('A13: data where the last ACK of the handshake should be completes it', () => {
  const script = listening();
  script.say('S', { mss: 1_460 });
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  assert.deepEqual(script.events(), ['ACCEPTED READABLE']);
  assert.equal(script.read(), 'hello');
});

test('A14: a full backlog without cookies drops SYNs in silence, and takes them when there is room', () => {
  const script = listening({ backlog: 2, synCookies: false });
  for (const fromPort of [1_001, 1_002, 1_003]) script.say('S', { mss: 1_460, fromPort });
  assert.equal(script.segments().length, 2);
  assert.equal(script.stack.counters.drops.backlogFull, 1);
  script.say('.', { seq: 1, ack: 1, fromPort: 1_002 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
  script.say('S', { mss: 1_460, fromPort: 1_003 });
  assert.deepEqual(script.heard(), ['S. 0 ack 1']);
});

test('A15: a FIN before the application took the connection: it reads what came, and the end', () => {
  const script = listening();
  script.whisper('S', { mss: 1_460 });
  script.stack.poll(script.nowUs);
  script.flush();
  script.whisper('.', { seq: 1, ack: 1 });
  script.whisper('PF.', { seq: 1, ack: 1, data: 'last words' });
  script.turn();
  assert.deepEqual(script.events(), ['ACCEPTED READABLE ENDED']);
  assert.equal(script.stack.isEnded(script.id), false);
  assert.equal(script.read(), 'last words');
  assert.equal(script.stack.isEnded(script.id), true);
});

test('SYN-SENT: the SYN offers MSS, scale and timestamps; the answer is acknowledged', () => {
  const script = new Script();
  script.id = script.stack.connect(stackAddress, 80, peerAddress, 40_000);
  script.turn();
  const [syn] = script.segments();
  assert.deepEqual([syn.flags, syn.mss, syn.scale, syn.stamp?.[1]], ['S', 1_460, 2, 0]);
  assert.equal(script.state, 'synSent');
  script.say('S.', { seq: 0, ack: 1, mss: 1_000, stamp: [5, syn.stamp?.[0] ?? 0] });
  assert.deepEqual(script.events(), ['CONNECTED']);
  assert.deepEqual(script.heard(), ['. 1 ack 1']);
  script.write('x'.repeat(1_000));
  script.flush();
  assert.deepEqual(script.heard(), ['. 1+988 ack 1', 'P. 989+12 ack 1']);
});

test('SYN-SENT: what the application writes when it is told goes with the ACK', () => {
  const script = connecting({
    application: (stack, id) => stack.write(id, Buffer.from('request'), 0, 7),
  });
  script.segments();
  script.say('S.', { seq: 0, ack: 1 });
  assert.deepEqual(script.heard(), ['P. 1+7 ack 1']);
});

test('SYN-SENT: what was written before the connection was there goes out when it is', () => {
  const script = connecting();
  assert.equal(script.write('eager'), 5);
  script.segments();
  script.say('S.', { seq: 0, ack: 1 });
  assert.deepEqual(script.heard(), ['P. 1+5 ack 1']);
});

test('SYN-SENT: a RST that acknowledges the SYN refuses; others are passed over', () => {
  const script = connecting();
  script.say('R', { seq: 0 });
  script.say('R.', { seq: 0, ack: 0 });
  assert.equal(script.state, 'synSent');
  script.say('R.', { seq: 0, ack: 1 });
  assert.deepEqual(script.events(), ['FAILED']);
  assert.equal(script.stack.errorOf(script.id), 111);
  script.stack.close(script.id);
  assert.equal(script.stack.nextDueUs() > 0, true);
});

test('SYN-SENT: an ACK of what was not sent is answered by a RST', () => {
  const script = connecting();
  script.segments();
  script.say('S.', { seq: 0, ack: 77 });
  assert.deepEqual(script.heard(), ['R 77']);
  assert.equal(script.state, 'synSent');
});

test('SYN-SENT: the SYN is sent again, and connect fails after its retries', () => {
  const script = connecting({ timers: { synRetries: 2 } });
  script.pass(30_000);
  assert.deepEqual(
    script.segments().map(({ flags, atMs }) => `${flags} ${atMs}`),
    ['S 1000', 'S 2000', 'S 4000'],
  );
  assert.deepEqual(script.events(), ['FAILED']);
  assert.equal(script.stack.errorOf(script.id), 110);
});

test('both open at once: SYNs cross, and the connection is there', () => {
  const script = connecting();
  script.segments();
  script.say('S', { seq: 0, mss: 1_460 });
  assert.deepEqual(script.heard(), ['S. 0 ack 1']);
  assert.equal(script.state, 'synReceived');
  script.say('S.', { seq: 0, ack: 1, mss: 1_460 });
  assert.deepEqual(script.events(), ['CONNECTED']);
  assert.equal(script.state, 'established');
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  assert.equal(script.read(), 'hello');
});

test('both open at once: a bare ACK of our SYN completes it, too', () => {
  const script = connecting();
  script.say('S', { seq: 0 });
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.events(), ['CONNECTED']);
});

test('SYN-RECEIVED of the active side: a reset is a refusal', () => {
  const script = connecting();
  script.say('S', { seq: 0 });
  script.say('R', { seq: 1 });
  assert.deepEqual(script.events(), ['FAILED']);
  assert.equal(script.stack.errorOf(script.id), 111);
});

test('SYN-RECEIVED: a reset at RCV.NXT makes the backlog free again, and nobody hears of it', () => {
  const script = listening();
  script.say('S');
  assert.equal(script.stack.waiting(80), 1);
  script.say('R', { seq: 1 });
  assert.equal(script.stack.waiting(80), 0);
  assert.deepEqual(script.events(), []);
});

test('connect() says why it cannot', () => {
  const script = new Script({ maxConnections: 2, answers: { arp: false } });
  const { stack } = script;
  assert.ok(stack.connect(stackAddress, 1, peerAddress, 2) >= 0);
  assert.equal(stack.connect(stackAddress, 1, peerAddress, 2), -98);
  assert.equal(stack.connect(stackAddress, 1, 0x0a00_0001, 2), -113);
  assert.ok(stack.connect(stackAddress, 2, peerAddress, 2) >= 0);
  assert.equal(stack.connect(stackAddress, 3, peerAddress, 2), -105);
});

test('connect() chooses free ports', () => {
  const script = new Script();
  const ports = Array.from({ length: 40 }, () => {
    const id = script.stack.connect(stackAddress, 0, peerAddress, 2);
    return script.stack.localPort(id);
  });
  assert.equal(new Set(ports).size, 40);
  assert.ok(ports.every((port) => port >= 32_768 && port < 61_000));
});

test('a third segment of a handshake for a port that is no longer listened to is refused', () => {
  const script = listening();
  script.say('S');
  script.segments();
  script.stack.unlisten(80);
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.heard(), ['R. 1 ack 1']);
  assert.deepEqual(script.events(), []);
});

test('established() and connected() are what they say', () => {
  assert.equal(established().state, 'established');
  assert.equal(connected().state, 'established');
});
