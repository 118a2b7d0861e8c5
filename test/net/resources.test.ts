import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StackGauges } from '../../net/stack.ts';
import { State, stateNames } from '../../net/tcp/states.ts';
import { established, listening, type Script } from './script.ts';

const small = { smallBytes: 512, largeBytes: 4_096, memoryBytes: 16_384 };

function gauges(script: Script): StackGauges {
  const out: StackGauges = {
    states: new Int32Array(stateNames.length),
    halfOpen: 0,
    acceptQueue: 0,
    timeWait: 0,
    timers: 0,
    smallBuffers: 0,
    largeBuffers: 0,
  };
  script.stack.gauges(out);
  return out;
}

test('gauges() counts connections by state, the backlog, timers and buffers', () => {
  const script = listening();
  script.say('S', { fromPort: 1 });
  script.say('S', { fromPort: 2 });
  script.whisper('.', { seq: 1, ack: 1, fromPort: 2 });
  script.stack.poll(script.nowUs);
  let now = gauges(script);
  assert.deepEqual([now.halfOpen, now.acceptQueue, now.timers], [1, 1, 1]);
  assert.equal(now.states[State.established], 1);
  script.turn();
  now = gauges(script);
  assert.deepEqual([now.halfOpen, now.acceptQueue], [1, 0]);
  script.write('x');
  script.flush();
  now = gauges(script);
  assert.deepEqual([now.smallBuffers, now.largeBuffers, now.timers], [1, 0, 2]);
  script.say('.', { seq: 1, ack: 2, fromPort: 2 });
  now = gauges(script);
  assert.deepEqual([now.smallBuffers, now.timers], [0, 1]);
});

test('an idle connection holds no buffer, and nor does one whose data was read at once', () => {
  const script = established({
    application: (stack, id) => stack.read(id, new Uint8Array(100), 0, 100),
  });
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  assert.equal(gauges(script).smallBuffers, 0);
  assert.equal(script.stackLink.freeFrames, 1_024);
});

test('data that is not read leaves its frame at the end of the turn', () => {
  const script = established();
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  assert.equal(script.stackLink.freeFrames, 1_024);
  assert.equal(gauges(script).smallBuffers, 1);
  script.say('P.', { seq: 6, ack: 1, data: 'x'.repeat(1_400) });
  script.say('P.', { seq: 1_406, ack: 1, data: 'y'.repeat(1_400) });
  const now = gauges(script);
  assert.deepEqual([now.smallBuffers, now.largeBuffers], [0, 1]);
  assert.equal(script.read(), `hello${'x'.repeat(1_400)}${'y'.repeat(1_400)}`);
  assert.equal(gauges(script).largeBuffers, 0);
});

test('several segments of one connection in one turn come in order, whatever was read between', () => {
  const script = established();
  script.whisper('P.', { seq: 1, ack: 1, data: 'one ' });
  script.whisper('P.', { seq: 5, ack: 1, data: 'two ' });
  script.whisper('P.', { seq: 9, ack: 1, data: 'three' });
  script.turn();
  assert.equal(script.read(2), 'on');
  assert.equal(script.read(5), 'e two');
  assert.equal(script.read(), ' three');
});

test('no buffer is left: data is dropped, and comes again when there is one', () => {
  const script = established({ buffers: small });
  const other = script.id;
  for (const fromPort of [1, 2, 3, 4]) {
    script.say('S', { fromPort, mss: 1_460 });
    script.say('.', { seq: 1, ack: 1, fromPort });
    script.say('P.', { seq: 1, ack: 1, fromPort, data: 'x'.repeat(1_000) });
  }
  const holder = script.id;
  assert.equal(gauges(script).largeBuffers, 4);
  script.whisper('P.', { seq: 1, ack: 1, data: 'a' });
  script.whisper('P.', { seq: 2, ack: 1, data: 'b' });
  script.turn();
  // The first stays in its frame, for want of a buffer; the second has no place.
  assert.equal(script.stack.counters.drops.noMemory > 0, true);
  assert.equal(script.stack.readable(other), 1);
  script.id = holder;
  script.read();
  script.say('P.', { seq: 2, ack: 1, data: 'b' });
  script.id = other;
  assert.equal(script.read(), 'ab');
});

test('no buffer is left to write: WRITABLE when there is one', () => {
  const script = established({ buffers: small });
  const writer = script.id;
  for (const fromPort of [1, 2, 3, 4]) {
    script.say('S', { fromPort, mss: 1_460 });
    script.say('.', { seq: 1, ack: 1, fromPort });
    script.say('P.', { seq: 1, ack: 1, fromPort, data: 'x'.repeat(1_000) });
  }
  const holder = script.id;
  script.id = writer;
  assert.equal(script.write('hello'), 0);
  script.events();
  script.turn();
  assert.deepEqual(script.events(), []);
  script.id = holder;
  script.read();
  script.turn();
  assert.deepEqual(script.events(), ['WRITABLE']);
  script.id = writer;
  assert.equal(script.write('hello'), 5);
});

test('write() takes what fits, and WRITABLE follows when an eighth is free', () => {
  const script = established({ buffers: small }, { mss: 1_000, window: 60_000 });
  assert.equal(script.stack.writable(script.id), 4_096);
  assert.equal(script.write('x'.repeat(5_000)), 4_096);
  assert.equal(script.stack.writable(script.id), 0);
  assert.equal(script.write('x'), 0);
  script.flush();
  script.say('.', { seq: 1, ack: 501, window: 60_000 });
  assert.deepEqual(script.events(), []);
  script.say('.', { seq: 1, ack: 3_001, window: 60_000 });
  assert.deepEqual(script.events(), ['WRITABLE']);
  assert.equal(script.write('x'.repeat(5_000)), 3_000);
});

test('write() that grows from a small to a large buffer keeps every byte', () => {
  const script = established({ buffers: small }, { mss: 1_000, window: 60_000 });
  const sent = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(90, '.'));
  for (const part of sent) script.write(part);
  script.flush();
  const heard = script.segments().map(({ data }) => data);
  assert.equal(heard.join(''), sent.join(''));
});

test('a ring that goes round keeps every byte', () => {
  const script = established({ buffers: small }, { mss: 700, window: 60_000 });
  let sent = '';
  let heard = '';
  let ack = 1;
  for (let round = 0; round < 200; round++) {
    const part = `${round}`.padEnd(300 + (round % 200), '-');
    sent += part.slice(0, script.write(part));
    script.flush();
    for (const { seq, data } of script.segments()) {
      heard += data;
      ack = seq + data.length;
    }
    script.say('.', { seq: 1, ack, window: 60_000 });
  }
  assert.equal(heard, sent);
});

test('peek() leaves the bytes; read() in parts gives all of them', () => {
  const script = established();
  script.say('P.', { seq: 1, ack: 1, data: 'hello world' });
  const into = new Uint8Array(20);
  assert.equal(script.stack.peek(script.id, into, 2, 7), 5);
  assert.equal(Buffer.from(into.subarray(2, 7)).toString(), 'hello');
  assert.equal(script.stack.readable(script.id), 11);
  assert.equal(script.read(6), 'hello ');
  assert.equal(script.read(), 'world');
  assert.equal(script.stack.read(script.id, into, 0, 20), 0);
});

test('ids are used again, and events of an old connection never reach a new one', () => {
  const script = listening({ maxConnections: 1 });
  script.say('S', { fromPort: 1 });
  script.whisper('.', { seq: 1, ack: 1, fromPort: 1 });
  // The application was not told of it: it never was.
  script.whisper('R', { seq: 1, fromPort: 1 });
  script.turn();
  assert.deepEqual(script.events(), []);
  script.say('S', { fromPort: 2 });
  script.say('.', { seq: 1, ack: 1, fromPort: 2 });
  assert.deepEqual(script.events(), ['ACCEPTED']);
});

test('a table that is full drops a SYN, or answers with a cookie', () => {
  for (const synCookies of [false, true]) {
    const script = established({ maxConnections: 1, synCookies });
    script.segments();
    script.say('S', { fromPort: 2 });
    assert.equal(script.segments().length, synCookies ? 1 : 0);
    assert.equal(script.stack.counters.drops.noMemory, synCookies ? 0 : 1);
  }
});

test('a link without a free frame: what was to be sent goes when there is one', () => {
  const script = established();
  const taken: number[] = [];
  for (let at = script.stackLink.allocate(); at >= 0; at = script.stackLink.allocate()) taken.push(at);
  script.write('hello');
  script.flush();
  assert.deepEqual(script.heard(), []);
  assert.ok(script.stack.nextDueUs() <= script.nowUs + 1_000);
  for (const at of taken) script.stackLink.release(at);
  script.turn();
  assert.deepEqual(script.heard(), ['P. 1+5 ack 1']);
});

test('a flood of segments of every kind leaves nothing behind', () => {
  const script = listening({
    maxConnections: 32,
    timers: { synAckRetries: 1 },
    application: (stack, id) => stack.close(id),
  });
  const flags = ['S', '.', 'F.', 'R', 'R.', 'P.', 'S.', 'SF', '', 'FPU', 'FPU.'];
  for (let index = 0; index < 5_000; index++)
    script.say(flags[index % flags.length], {
      seq: (index * 7) % 11,
      ack: (index * 3) % 5,
      fromPort: 1 + (index % 97),
      data: index % 4 === 0 ? 'data' : '',
    });
  script.pass(200_000);
  const now = gauges(script);
  assert.deepEqual([now.smallBuffers, now.largeBuffers, now.halfOpen], [0, 0, 0]);
  assert.equal(script.stackLink.freeFrames, 1_024);
  assert.equal(script.stack.waiting(80), 0);
});
