import assert from 'node:assert/strict';
import { test } from 'node:test';
import { established, type Heard, listening, type Said, type Script } from './script.ts';

const mss = 1_000;
const syn: Said = { mss, window: 60_000 };

/** Bytes in each segment since the last time. */
function lengths(script: Script): number[] {
  return script.segments().map(({ data }) => data.length);
}

/** A connection with `bytes` written and flushed. */
function sending(bytes: number, options = {}, said = syn): Script {
  const script = established(options, said);
  script.write('x'.repeat(bytes));
  script.flush();
  return script;
}

/** Every segment that was heard, by an ACK of its own, until there are none. */
function acknowledgeAll(script: Script): void {
  for (let heard = script.segments(); heard.length > 0; heard = script.segments())
    for (const { seq, data } of heard) script.say('.', { seq: 1, ack: seq + data.length, window: 60_000 });
}

function times(heard: readonly Heard[], fromMs: number): number[] {
  return heard.map(({ atMs }) => Math.round(atMs - fromMs));
}

test('D46: a first segment that is lost goes again after the time-out, then after twice as long', () => {
  const script = established({}, syn);
  const startMs = script.nowUs / 1000;
  script.write('hello');
  script.flush();
  script.pass(7_000);
  const heard = script.segments();
  assert.ok(heard.every(({ seq, data }) => seq === 1 && data === 'hello'));
  // The handshake took no time, so the least time-out counts.
  assert.deepEqual(times(heard, startMs), [0, 200, 600, 1_400, 3_000, 6_200]);
  assert.equal(script.stack.counters.timeoutRetransmissions, 5);
});

test('D46: without a measurement of the round trip, the first time-out is a second', () => {
  const script = listening();
  script.say('S', syn);
  script.pass(1_500);
  script.say('.', { seq: 1, ack: 1 });
  script.segments();
  const startMs = script.nowUs / 1000;
  script.write('hello');
  script.flush();
  script.pass(10_000);
  // D47: the SYN+ACK was sent twice, so its ACK measured nothing: 3 s (RFC 6298 5.7).
  assert.deepEqual(times(script.segments(), startMs), [0, 3_000, 9_000]);
});

test('D47: with timestamps, an ACK of what was sent twice measures the round trip after all', () => {
  const script = established({}, { ...syn, stamp: [1, 0] });
  script.write('hello');
  script.flush();
  const [first] = script.segments();
  script.pass(200);
  const [again] = script.segments();
  assert.equal(again.data, 'hello');
  assert.equal((again.stamp?.[0] ?? 0) - (first.stamp?.[0] ?? 0), 200);
  script.pass(30);
  script.say('.', { seq: 1, ack: 6, stamp: [2, again.stamp?.[0] ?? 0] });
  const startMs = script.nowUs / 1000;
  script.write('again');
  script.flush();
  script.pass(300);
  // Back to the least, not to the time-out that was doubled.
  assert.deepEqual(times(script.segments(), startMs), [0, 200]);
});

test('D48: three duplicate ACKs: the hole is sent again before the time-out, and nothing else', () => {
  const script = sending(8 * mss);
  script.segments();
  for (let count = 0; count < 2; count++) script.say('.', { seq: 1, ack: 1, window: 60_000 });
  assert.deepEqual(script.heard(), []);
  script.say('.', { seq: 1, ack: 1, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 1+1000 ack 1']);
  assert.equal(script.stack.counters.fastRetransmissions, 1);
  script.say('.', { seq: 1, ack: 8_001, window: 60_000 });
  script.pass(5_000);
  assert.deepEqual(script.heard(), []);
});

test('D48: duplicates that tell another window, or bring data, are none', () => {
  const script = sending(8 * mss);
  script.segments();
  for (let count = 0; count < 4; count++) script.say('.', { seq: 1, ack: 1, window: 50_000 + count });
  for (let count = 0; count < 4; count++)
    script.say('.', { seq: 1 + count, ack: 1, window: 50_003, data: 'x' });
  assert.equal(script.stack.counters.fastRetransmissions, 0);
});

test('D48: a partial ACK in recovery sends the next hole at once (RFC 6582)', () => {
  const script = sending(10 * mss);
  script.segments();
  for (let count = 0; count < 3; count++) script.say('.', { seq: 1, ack: 1, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 1+1000 ack 1']);
  script.say('.', { seq: 1, ack: 5_001, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 5001+1000 ack 1']);
  script.say('.', { seq: 1, ack: 10_001, window: 60_000 });
  script.pass(5_000);
  assert.deepEqual(script.heard(), []);
});

test('limited transmit: the first two duplicate ACKs let one new segment out each (RFC 3042)', () => {
  const script = sending(20 * mss);
  assert.equal(script.segments().length, 10);
  script.say('.', { seq: 1, ack: 1, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 10001+1000 ack 1']);
  script.say('.', { seq: 1, ack: 1, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 11001+1000 ack 1']);
});

test('D49: a time-out: one segment, and slow start from there', () => {
  const script = sending(10 * mss);
  script.segments();
  script.pass(200);
  assert.deepEqual(script.heard(), ['. 1+1000 ack 1']);
  script.say('.', { seq: 1, ack: 1_001, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 1001+1000 ack 1', '. 2001+1000 ack 1']);
  script.say('.', { seq: 1, ack: 3_001, window: 60_000 });
  assert.deepEqual(script.heard(), ['. 3001+1000 ack 1', '. 4001+1000 ack 1', '. 5001+1000 ack 1']);
  // The rest had come: one ACK of all of it ends the matter.
  script.say('.', { seq: 1, ack: 10_001, window: 60_000 });
  script.pass(5_000);
  assert.deepEqual(script.heard(), []);
});

test('D50: at most ten segments before the first ACK; then two for each that is acknowledged, however many an ACK is of', () => {
  const script = sending(40 * mss);
  assert.deepEqual(lengths(script), new Array(10).fill(mss));
  script.say('.', { seq: 1, ack: 2_001, window: 60_000 });
  assert.equal(lengths(script).length, 4);
  script.say('.', { seq: 1, ack: 3_001, window: 60_000 });
  assert.equal(lengths(script).length, 2);
});

test('after a SYN+ACK that was lost, the first window is one segment (RFC 5681 3.1)', () => {
  const script = listening();
  script.say('S', syn);
  script.pass(1_000);
  script.say('.', { seq: 1, ack: 1, window: 60_000 });
  script.segments();
  script.write('x'.repeat(10 * mss));
  script.flush();
  assert.deepEqual(lengths(script), [mss]);
});

test('after a pause the window is the initial one again (RFC 5681 4.1)', () => {
  const script = sending(10 * mss);
  for (let round = 0; round < 3; round++) {
    script.write('x'.repeat(20 * mss));
    script.flush();
    acknowledgeAll(script);
  }
  script.pass(10_000);
  script.write('x'.repeat(40 * mss));
  script.flush();
  assert.deepEqual(lengths(script), new Array(10).fill(mss));
});

test('D52: a window that shrinks to the left: nothing is sent beyond it', () => {
  const script = sending(20 * mss);
  script.segments();
  script.say('.', { seq: 1, ack: 2_001, window: 1_000 });
  assert.deepEqual(script.heard(), []);
  script.pass(3_000);
  const heard = script.segments();
  assert.ok(heard.length > 0);
  for (const { seq, data } of heard) assert.ok(seq + data.length <= 3_001);
});

test('a shut window is probed, later and later, and never given up while the peer answers', () => {
  const script = established({ timers: { dataGiveUpMs: 60_000 } }, syn);
  script.say('.', { seq: 1, ack: 1, window: 0 });
  script.write('hello');
  script.flush();
  assert.deepEqual(script.heard(), []);
  for (let minute = 0; minute < 10; minute++) {
    script.pass(60_000);
    const heard = script.heard();
    assert.ok(heard.length > 0);
    assert.ok(heard.every((line) => line === 'P. 1+1 ack 1'));
    script.say('.', { seq: 1, ack: 1, window: 0 });
  }
  assert.equal(script.state, 'established');
  script.say('.', { seq: 1, ack: 1, window: 60_000 });
  assert.deepEqual(script.heard(), ['P. 1+5 ack 1']);
});

test('a probe that the peer took: the rest follows when the window opens', () => {
  const script = established({}, syn);
  script.say('.', { seq: 1, ack: 1, window: 0 });
  script.write('hello');
  script.pass(250);
  assert.deepEqual(script.heard(), ['P. 1+1 ack 1']);
  script.say('.', { seq: 1, ack: 2, window: 0 });
  script.say('.', { seq: 1, ack: 2, window: 100 });
  assert.deepEqual(script.heard(), ['P. 2+4 ack 1']);
});

test('the FIN is kept when the window is shut, and probes it', () => {
  const script = established({}, syn);
  script.say('.', { seq: 1, ack: 1, window: 0 });
  script.stack.shutdown(script.id);
  script.flush();
  assert.deepEqual(script.heard(), []);
  script.pass(250);
  assert.deepEqual(script.heard(), ['F. 1 ack 1']);
  script.say('.', { seq: 1, ack: 2, window: 0 });
  assert.equal(script.state, 'finWait2');
});

test('a connection that was closed does not live for ever behind a shut window', () => {
  const script = established({ timers: { closedGiveUpMs: 10_000 } }, syn);
  script.write('hello');
  script.stack.close(script.id);
  script.say('.', { seq: 1, ack: 1, window: 0 });
  for (let second = 0; second < 60; second++) {
    script.pass(1_000);
    if (script.segments().some(({ flags }) => flags.includes('R'))) {
      assert.equal(script.stack.nextDueUs(), Number.POSITIVE_INFINITY);
      return;
    }
    script.say('.', { seq: 1, ack: 1, window: 0 });
  }
  assert.fail('it lives after a minute');
});

test('sender SWS: a window that opens by a little is not filled with a little', () => {
  const script = established({}, syn);
  script.write('x'.repeat(2 * mss));
  script.say('.', { seq: 1, ack: 1, window: 100 });
  assert.deepEqual(script.heard(), []);
  script.say('.', { seq: 1, ack: 1, window: mss });
  assert.deepEqual(script.heard(), ['. 1+1000 ack 1']);
});

test('sender SWS: a window that stays small is used in the end', () => {
  const script = established({}, syn);
  script.write('x'.repeat(2 * mss));
  script.say('.', { seq: 1, ack: 1, window: 100 });
  script.pass(300);
  assert.deepEqual(script.heard(), ['P. 1+100 ack 1']);
});

test('Nagle is off at first; switched on, a small segment waits for the ACK of the one before', () => {
  const script = established({}, syn);
  for (const word of ['one', 'two']) {
    script.write(word);
    script.flush();
  }
  assert.deepEqual(lengths(script), [3, 3]);
  script.say('.', { seq: 1, ack: 7, window: 60_000 });
  script.stack.setNagle(script.id, true);
  for (const word of ['three', 'four', 'five']) {
    script.write(word);
    script.flush();
  }
  assert.deepEqual(script.heard(), ['P. 7+5 ack 1']);
  script.say('.', { seq: 1, ack: 12, window: 60_000 });
  assert.deepEqual(script.heard(), ['P. 12+8 ack 1']);
});

test('Nagle: the last segment goes with the FIN, and does not wait', () => {
  const script = established({}, syn);
  script.stack.setNagle(script.id, true);
  script.write('one');
  script.flush();
  script.write('two');
  script.stack.shutdown(script.id);
  script.flush();
  assert.deepEqual(script.heard(), ['P. 1+3 ack 1', 'FP. 4+3 ack 1']);
});

test('D53: an ACK waits 40 ms for data to go with, or for the second segment', () => {
  const script = established({}, syn);
  script.say('P.', { seq: 1, ack: 1, data: 'one' });
  assert.deepEqual(script.heard(), []);
  script.pass(39);
  assert.deepEqual(script.heard(), []);
  script.pass(2);
  assert.deepEqual(script.heard(), ['. 1 ack 4']);
  script.say('P.', { seq: 4, ack: 1, data: 'two' });
  script.say('P.', { seq: 7, ack: 1, data: 'three' });
  assert.deepEqual(script.heard(), ['. 1 ack 12']);
  script.say('P.', { seq: 12, ack: 1, data: 'four' });
  script.write('answer');
  script.flush();
  assert.deepEqual(script.heard(), ['P. 1+6 ack 16']);
  script.pass(100);
  assert.deepEqual(script.heard(), []);
});

const smallBuffers = { smallBytes: 1_024, largeBytes: 8_192, memoryBytes: 1_048_576 };

test('D54: the window shuts when nobody reads, and does not open again by a little', () => {
  const script = established({ buffers: smallBuffers }, syn);
  let seq = 1;
  let window = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 12; count++) {
    script.say('.', { seq, ack: 1, data: 'x'.repeat(1_000) });
    script.pass(41);
    for (const heard of script.segments()) {
      seq = heard.ack;
      window = heard.window;
    }
  }
  assert.equal(window, 0);
  assert.equal(script.stack.readable(script.id), 8_191);
  script.read(1_000);
  script.flush();
  assert.deepEqual(script.heard(), []);
  script.read(2_000);
  script.flush();
  const [opened] = script.segments();
  assert.equal(opened.window, 3_000);
});

test('the right edge of the window never goes back', () => {
  const script = established({ buffers: smallBuffers }, { ...syn, scale: 7 });
  let edge = 0;
  let seq = 1;
  for (let count = 0; count < 200; count++) {
    script.say('P.', { seq, ack: 1, data: 'x'.repeat(1 + ((count * 37) % 600)) });
    if (count % 3 === 0) script.read((count * 91) % 1_500);
    script.flush();
    script.pass(41);
    for (const heard of script.segments()) {
      seq = heard.ack;
      const told = heard.ack + heard.window;
      assert.ok(told >= edge, `${told} after ${edge}`);
      edge = told;
    }
  }
});

test('D56: a peer that vanishes: retransmissions, then the connection fails, and all is freed', () => {
  const script = established({ timers: { dataGiveUpMs: 30_000 } }, syn);
  script.write('hello');
  script.pass(100_000);
  assert.deepEqual(script.events(), ['FAILED']);
  assert.equal(script.stack.errorOf(script.id), 110);
  const heard = script.segments();
  assert.ok(heard.length >= 7 && heard.length < 12, String(heard.length));
  script.stack.close(script.id);
  assert.equal(script.stack.nextDueUs(), Number.POSITIVE_INFINITY);
});

test('keep-alive: probes after the idle time, answered by a peer that lives', () => {
  const script = established({ timers: { keepAliveIntervalMs: 1_000, keepAliveProbes: 3 } }, syn);
  script.stack.setKeepAlive(script.id, 10_000);
  script.pass(10_000);
  assert.deepEqual(script.heard(), ['. 0 ack 1']);
  script.say('.', { seq: 1, ack: 1 });
  script.pass(9_999);
  assert.deepEqual(script.heard(), []);
  script.pass(2_001);
  assert.equal(script.segments().length, 3);
  assert.deepEqual(script.events(), []);
  script.pass(1_000);
  assert.deepEqual(script.events(), ['FAILED']);
  assert.equal(script.stack.errorOf(script.id), 110);
});

test('keep-alive: data of the peer counts as life; switched off, there are no probes', () => {
  const script = established({}, syn);
  script.stack.setKeepAlive(script.id, 10_000);
  script.pass(9_000);
  script.say('P.', { seq: 1, ack: 1, data: 'x' });
  script.pass(9_000);
  assert.deepEqual(script.heard(), ['. 1 ack 2']);
  script.stack.setKeepAlive(script.id, 0);
  script.pass(100_000);
  assert.deepEqual(script.heard(), []);
});

test('keep-alive by default, when the settings say so', () => {
  const script = established({ timers: { keepAliveMs: 5_000 } }, syn);
  script.pass(5_000);
  assert.deepEqual(script.heard(), ['. 0 ack 1']);
});
