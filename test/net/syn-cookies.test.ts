import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listening, type Said, type Script } from './script.ts';

/** One connection is half open, and that is all the backlog has. */
function full(): Script {
  const script = listening({ backlog: 1 });
  script.say('S', { fromPort: 1 });
  script.segments();
  return script;
}

test('E59: with the backlog full, a SYN+ACK carries a cookie, and nothing is kept', () => {
  const script = full();
  script.say('S', { fromPort: 2, mss: 1_460 });
  assert.deepEqual(script.heard(), ['S. 0 ack 1']);
  assert.equal(script.stack.counters.cookiesSent, 1);
  assert.equal(script.stack.waiting(80), 1);
  script.pass(60_000);
  assert.ok(script.segments().every(({ toPort }) => toPort === 1));
});

test('E59: the ACK that brings the cookie back makes the connection, with the data it carries', () => {
  const script = full();
  script.say('S', { fromPort: 2, mss: 1_000 });
  script.segments();
  script.say('P.', { seq: 1, ack: 1, fromPort: 2, data: 'request' });
  assert.deepEqual(script.events(), ['ACCEPTED READABLE']);
  assert.equal(script.read(), 'request');
  assert.equal(script.stack.counters.cookiesAccepted, 1);
  script.write('x'.repeat(1_500));
  script.flush();
  // The MSS of the SYN, rounded down to one of eight.
  assert.equal(Math.max(...script.segments().map(({ data }) => data.length)), 536);
});

test('a cookie with timestamps brings window scale back', () => {
  const script = full();
  script.say('S', { fromPort: 2, mss: 1_460, scale: 9, stamp: [500, 0] });
  const [answer] = script.segments();
  assert.equal(answer.scale, 2);
  assert.equal(answer.stamp?.[1], 500);
  script.say('.', { seq: 1, ack: 1, fromPort: 2, window: 100, stamp: [501, answer.stamp?.[0] ?? 0] });
  script.write('x'.repeat(20_000));
  script.flush();
  const sent = script.segments().reduce((sum, { data }) => sum + data.length, 0);
  assert.equal(sent, 10 * 1_448);
});

test('a cookie without timestamps has no window scale', () => {
  const script = full();
  script.say('S', { fromPort: 2, mss: 1_460, scale: 9 });
  assert.equal(script.segments()[0].scale, -1);
});

for (const [name, change] of [
  ['a guess', { ack: 2 }],
  ['another sequence number', { seq: 2 }],
] as const)
  test(`a cookie that is not ours, ${name}, is refused`, () => {
    const script = full();
    script.say('S', { fromPort: 2, mss: 1_460 });
    script.segments();
    const said: Said = { seq: 1, ack: 1, fromPort: 2, ...change };
    script.say('.', said);
    assert.deepEqual(script.heard(), [`R ${said.ack}`]);
    assert.deepEqual(script.events(), []);
  });

test('a cookie grows old: after two minutes and more it is refused', () => {
  const script = full();
  script.say('S', { fromPort: 2, mss: 1_460 });
  script.pass(129_000);
  script.segments();
  script.say('.', { seq: 1, ack: 1, fromPort: 2 });
  assert.deepEqual(script.heard(), ['R 1']);
});

test('without cookies sent, no ACK is looked at as one', () => {
  const script = listening();
  script.say('.', { seq: 1, ack: 1 });
  assert.equal(script.segments()[0].flags, 'R');
});
