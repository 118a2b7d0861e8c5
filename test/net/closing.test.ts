import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDED, READABLE } from '../../net/tcp/events.ts';
import { connected, connecting, established, listening, type Script } from './script.ts';

/** Ours was acknowledged, the peer's has not come. */
function finWait2(script: Script): Script {
  script.stack.shutdown(script.id);
  script.flush();
  assert.deepEqual(script.heard(), ['F. 1 ack 1']);
  assert.equal(script.state, 'finWait1');
  script.say('.', { seq: 1, ack: 2 });
  assert.equal(script.state, 'finWait2');
  assert.deepEqual(script.events(), ['FINISHED']);
  return script;
}

for (const role of ['passive', 'active'] as const) {
  const open = role === 'passive' ? established : connected;

  test(`${role}: ESTABLISHED, our FIN: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, CLOSED`, () => {
    const script = finWait2(open());
    script.say('F.', { seq: 1, ack: 2 });
    assert.deepEqual(script.heard(), ['. 2 ack 2']);
    assert.deepEqual(script.events(), ['ENDED']);
    assert.equal(script.state, 'timeWait');
    script.pass(59_999);
    assert.equal(script.state, 'timeWait');
    script.pass(1);
    assert.equal(script.state, 'closed');
    script.stack.close(script.id);
    assert.equal(script.stack.nextDueUs(), Number.POSITIVE_INFINITY);
  });

  test(`${role}: the peer's FIN first: CLOSE-WAIT, LAST-ACK, CLOSED`, () => {
    const script = open();
    script.say('F.', { seq: 1, ack: 1 });
    assert.deepEqual(script.heard(), ['. 1 ack 2']);
    assert.deepEqual(script.events(), ['ENDED']);
    assert.equal(script.state, 'closeWait');
    assert.equal(script.stack.isEnded(script.id), true);
    script.stack.shutdown(script.id);
    script.flush();
    assert.deepEqual(script.heard(), ['F. 1 ack 2']);
    assert.equal(script.state, 'lastAck');
    script.say('.', { seq: 2, ack: 2 });
    assert.deepEqual(script.events(), ['FINISHED']);
    assert.equal(script.state, 'closed');
    script.say('.', { seq: 2, ack: 2 });
    assert.deepEqual(script.heard(), ['R 2']);
  });
}

test('C39: both close at once: CLOSING, then TIME-WAIT; both FINs are acknowledged', () => {
  const script = established();
  script.stack.shutdown(script.id);
  script.flush();
  script.segments();
  script.say('F.', { seq: 1, ack: 1 });
  assert.deepEqual(script.heard(), ['. 2 ack 2']);
  assert.equal(script.state, 'closing');
  script.say('.', { seq: 2, ack: 2 });
  assert.equal(script.state, 'timeWait');
  assert.deepEqual(script.events(), ['ENDED', 'FINISHED']);
});

test('a FIN that acknowledges ours: from FIN-WAIT-1 to TIME-WAIT at once', () => {
  const script = established();
  script.stack.shutdown(script.id);
  script.flush();
  script.segments();
  script.say('F.', { seq: 1, ack: 2 });
  assert.equal(script.state, 'timeWait');
  assert.deepEqual(script.heard(), ['. 2 ack 2']);
  assert.deepEqual(script.events(), ['ENDED FINISHED']);
});

test('C40: half-close: data still goes to a peer that has ended, then our FIN', () => {
  const script = established();
  script.say('F.', { seq: 1, ack: 1 });
  script.segments();
  script.write('more');
  script.flush();
  assert.deepEqual(script.heard(), ['P. 1+4 ack 2']);
  script.say('.', { seq: 2, ack: 5 });
  script.write('end');
  script.stack.close(script.id);
  script.flush();
  assert.deepEqual(script.heard(), ['FP. 5+3 ack 2']);
  script.say('.', { seq: 2, ack: 9 });
  assert.equal(script.stack.nextDueUs() > script.nowUs + 100_000, true);
  script.say('.', { seq: 2, ack: 9 });
  assert.deepEqual(script.heard(), ['R 9']);
});

test('half-close: data of the peer comes in after our FIN', () => {
  const script = finWait2(established());
  script.say('P.', { seq: 1, ack: 2, data: 'still here' });
  assert.equal(script.read(), 'still here');
  script.say('PF.', { seq: 11, ack: 2, data: 'bye' });
  assert.equal(script.read(), 'bye');
  assert.equal(script.state, 'timeWait');
  assert.equal(script.stack.isEnded(script.id), true);
});

test('C41: a FIN that is not acknowledged is sent again, later and later', () => {
  const script = established({ timers: { initialRtoMs: 1_000 } });
  script.stack.close(script.id);
  script.flush();
  const start = script.nowUs / 1000;
  script.pass(10_000);
  const times = script.segments().map(({ flags, atMs }) => `${flags} ${atMs - start}`);
  assert.deepEqual(times.slice(0, 4), ['F. 0', 'F. 200', 'F. 600', 'F. 1400']);
});

test('C42: closing with bytes that nobody read is a reset', () => {
  const script = established();
  script.say('P.', { seq: 1, ack: 1, data: 'unread' });
  script.stack.close(script.id);
  script.flush();
  assert.deepEqual(script.heard(), ['R. 1 ack 7']);
  assert.equal(script.stackLink.freeFrames, 1_024);
});

test('closing within the turn that brought bytes: the reset, and no frame is lost', () => {
  const script = established({ application: (stack, id) => stack.close(id) });
  script.say('P.', { seq: 1, ack: 1, data: 'unread' });
  assert.equal(script.heard().at(-1)?.startsWith('R'), true);
  assert.equal(script.stackLink.freeFrames, 1_024);
});

test('a FIN waits for data that is missing before it', () => {
  const script = established();
  script.say('PF.', { seq: 6, ack: 1, data: 'world' });
  assert.deepEqual(script.events(), []);
  assert.equal(script.state, 'established');
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  assert.deepEqual(script.events(), ['READABLE ENDED']);
  assert.equal(script.heard().at(-1), '. 1 ack 12');
  assert.equal(script.read(), 'helloworld');
  assert.equal(script.stack.isEnded(script.id), true);
  assert.equal(script.state, 'closeWait');
});

test('a FIN with data that came before: the end counts, the data not twice', () => {
  const script = established();
  script.say('P.', { seq: 1, ack: 1, data: 'hello' });
  script.say('PF.', { seq: 1, ack: 1, data: 'hello' });
  assert.equal(script.read(), 'hello');
  assert.equal(script.state, 'closeWait');
});

test('a FIN that comes again is acknowledged again', () => {
  const script = established();
  script.say('F.', { seq: 1, ack: 1 });
  script.say('F.', { seq: 1, ack: 1 });
  assert.deepEqual(script.heard(), ['. 1 ack 2', '. 1 ack 2']);
  assert.deepEqual(script.events(), ['ENDED']);
});

test('write and close in one turn: one segment, with the FIN', () => {
  const script = established({
    application: (stack, id, mask) => {
      if ((mask & READABLE) === 0) return;
      stack.read(id, new Uint8Array(64), 0, 64);
      stack.write(id, Buffer.from('response'), 0, 8);
      stack.close(id);
    },
  });
  script.say('P.', { seq: 1, ack: 1, data: 'request' });
  assert.deepEqual(script.heard(), ['FP. 1+8 ack 8']);
  script.say('F.', { seq: 8, ack: 10 });
  assert.deepEqual(script.heard(), ['. 10 ack 9']);
});

test('the other side of it: the response and its FIN are acknowledged by the FIN', () => {
  const script = connected({
    application: (stack, id, mask) => {
      if ((mask & ENDED) === 0) return;
      stack.read(id, new Uint8Array(64), 0, 64);
      stack.close(id);
    },
  });
  script.say('PF.', { seq: 1, ack: 1, data: 'response' });
  assert.deepEqual(script.heard(), ['F. 1 ack 10']);
  script.say('.', { seq: 10, ack: 2 });
  assert.equal(script.stack.nextDueUs() > script.nowUs, true);
});

test('TIME-WAIT: a FIN that comes again is acknowledged, and starts the wait anew', () => {
  const script = finWait2(established());
  script.say('F.', { seq: 1, ack: 2 });
  script.pass(50_000);
  script.segments();
  script.say('F.', { seq: 1, ack: 2 });
  assert.deepEqual(script.heard(), ['. 2 ack 2']);
  script.pass(50_000);
  assert.equal(script.state, 'timeWait');
  script.pass(10_000);
  assert.equal(script.state, 'closed');
});

test('TIME-WAIT: a reset does not end it (RFC 1337)', () => {
  const script = finWait2(established());
  script.say('F.', { seq: 1, ack: 2 });
  script.say('R', { seq: 2 });
  assert.equal(script.state, 'timeWait');
});

test('TIME-WAIT: a SYN behind all that came opens a new connection, whose numbers are higher', () => {
  const script = finWait2(established());
  const oldIsn = script.isn;
  script.say('F.', { seq: 1, ack: 2 });
  script.stack.close(script.id);
  script.segments();
  script.say('S', { seq: 1_000, mss: 1_460 });
  const [answer] = script.segments();
  assert.equal(answer.flags, 'S.');
  assert.ok(((answer.rawSeq - oldIsn) | 0) > 2);
  script.say('.', { seq: 1_001, ack: 1 });
  assert.deepEqual(script.events().at(-1), 'ACCEPTED');
});

test('TIME-WAIT: a SYN from before is answered by an ACK of where we are', () => {
  const script = finWait2(established());
  script.say('F.', { seq: 1, ack: 2 });
  script.segments();
  script.say('S', { seq: -1_000, mss: 1_460 });
  assert.deepEqual(script.heard(), ['. 2 ack 2']);
  assert.equal(script.state, 'timeWait');
});

test('TIME-WAIT: a newer timestamp lets a SYN in whose number is lower (RFC 6191)', () => {
  const script = established({}, { mss: 1_460, stamp: [1_000, 0] });
  script.stack.close(script.id);
  script.flush();
  script.say('F.', { seq: 1, ack: 2, stamp: [1_001, 0] });
  script.segments();
  script.say('S', { seq: -9_000, mss: 1_460, stamp: [1_001, 0] });
  assert.equal(script.segments()[0].flags, '.');
  script.say('S', { seq: -9_000, mss: 1_460, stamp: [1_002, 0] });
  assert.equal(script.segments()[0].flags, 'S.');
});

test('a table full of TIME-WAIT makes room for a new connection', () => {
  const script = listening({ maxConnections: 2 });
  for (const fromPort of [1, 2]) {
    script.say('S', { fromPort });
    script.say('.', { seq: 1, ack: 1, fromPort });
    script.stack.close(script.id);
    script.flush();
    script.say('F.', { seq: 1, ack: 2, fromPort });
    script.pass(1);
  }
  script.segments();
  script.say('S', { fromPort: 3 });
  assert.equal(script.segments()[0].flags, 'S.');
  // The one that waited longest gave way: its peer's FIN is for nobody.
  script.say('F.', { seq: 1, ack: 2, fromPort: 1 });
  assert.equal(script.segments()[0].flags, 'R');
});

test('connect() again from the port of a connection in TIME-WAIT: after a second, with timestamps', () => {
  const script = connecting({ timestamps: true });
  const stamp = script.segments()[0].stamp?.[0] ?? 0;
  script.say('S.', { seq: 0, ack: 1, stamp: [1, stamp] });
  script.stack.close(script.id);
  script.flush();
  script.say('F.', { seq: 1, ack: 2, stamp: [2, stamp] });
  const again = (): number => script.stack.connect(0xc612_0001, 80, 0xc612_0002, 40_000);
  assert.equal(again(), -98);
  script.pass(1_001);
  assert.ok(again() >= 0);
});

test('FIN-WAIT-2: a connection that was closed does not wait for ever for the peer', () => {
  const script = established({ timers: { finWait2Ms: 5_000 } });
  script.stack.close(script.id);
  script.flush();
  script.say('.', { seq: 1, ack: 2 });
  script.pass(5_000);
  assert.equal(script.stack.nextDueUs(), Number.POSITIVE_INFINITY);
  script.segments();
  script.say('F.', { seq: 1, ack: 2 });
  assert.deepEqual(script.heard(), ['R 2']);
});

test('FIN-WAIT-2: one that the application only shut down waits, and its limit starts when it is closed', () => {
  const script = finWait2(established({ timers: { finWait2Ms: 5_000 } }));
  script.pass(60_000);
  assert.equal(script.state, 'finWait2');
  script.stack.close(script.id);
  script.pass(5_001);
  assert.equal(script.stack.nextDueUs(), Number.POSITIVE_INFINITY);
});

test('abort(): a reset at once, and nothing more', () => {
  const script = established();
  script.write('never');
  script.stack.abort(script.id);
  script.flush();
  assert.deepEqual(script.heard(), ['R. 1 ack 1']);
  script.pass(100_000);
  assert.deepEqual(script.heard(), []);
  assert.deepEqual(script.events(), []);
});

test('close() in SYN-SENT says nothing, and forgets it', () => {
  const script = connecting();
  script.segments();
  script.stack.close(script.id);
  script.pass(100_000);
  assert.deepEqual(script.heard(), []);
  script.say('S.', { seq: 0, ack: 1 });
  assert.deepEqual(script.heard(), ['R 1']);
});

test('close() while both open at once: the FIN follows when the connection is there', () => {
  const script = connecting();
  script.say('S', { seq: 0 });
  script.stack.close(script.id);
  script.segments();
  script.say('.', { seq: 1, ack: 1 });
  assert.deepEqual(script.heard(), ['F. 1 ack 1']);
});

test('shutdown() twice is one FIN; write() after it takes nothing', () => {
  const script = established();
  script.stack.shutdown(script.id);
  script.stack.shutdown(script.id);
  assert.equal(script.write('late'), 0);
  assert.equal(script.stack.writable(script.id), 0);
  script.flush();
  assert.deepEqual(script.heard(), ['F. 1 ack 1']);
});

test('close() sends what was written, then the FIN, however long it takes', () => {
  const script = established({}, { mss: 1_000, window: 1_000 });
  script.say('.', { seq: 1, ack: 1, window: 1_000 });
  script.write('x'.repeat(3_000));
  script.stack.close(script.id);
  script.flush();
  assert.deepEqual(script.heard(), ['. 1+1000 ack 1']);
  script.say('.', { seq: 1, ack: 1_001, window: 1_000 });
  assert.deepEqual(script.heard(), ['. 1001+1000 ack 1']);
  script.say('.', { seq: 1, ack: 2_001, window: 1_000 });
  // A FIN takes a place in the window, too.
  assert.deepEqual(script.heard(), ['P. 2001+1000 ack 1']);
  script.say('.', { seq: 1, ack: 3_001, window: 1_000 });
  assert.deepEqual(script.heard(), ['F. 3001 ack 1']);
});
