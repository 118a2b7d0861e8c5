import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emitSack, mostSackBlocks, readSack, sackBlocks, sackBytes } from '../../net/wire/sack.ts';
import { connecting, established, listening, type Said, type Script } from './script.ts';

const mss = 1_000;
const syn: Said = { mss, window: 60_000, sack: true };

/** `segments` of 1,000 bytes are under way. */
function underWay(segments: number, said = syn): Script {
  const script = established({}, said);
  script.write('x'.repeat(segments * mss));
  script.flush();
  script.segments();
  return script;
}

/** Behind the last byte of the first `segments`. */
const end = (segments: number): number => 1 + segments * mss;

/** The peer has these segments, first and behind the last, and misses the first of all. */
function has(script: Script, ...ranges: readonly (readonly [number, number])[]): void {
  script.say('.', {
    seq: 1,
    ack: 1,
    window: 60_000,
    blocks: ranges.map(([from, to]) => [end(from), end(to)]),
  });
}

/** Numbers of the segments that were sent since the last time. */
function sent(script: Script): number[] {
  return script.segments().map(({ seq }) => (seq - 1) / mss);
}

test('emitSack() and readSack() agree, whatever other options there are', () => {
  const block = fc.tuple(fc.integer(), fc.integer());
  fc.assert(
    fc.property(
      fc.array(block, { minLength: 1, maxLength: mostSackBlocks }),
      fc.nat(3),
      (blocks, fillers) => {
        const memory = new DataView(new ArrayBuffer(64));
        const said = sackBlocks();
        said.count = blocks.length;
        for (const [index, [from, to]] of blocks.entries()) {
          said.from[index] = from;
          said.to[index] = to;
        }
        // Fillers, then an option that nobody knows.
        for (let at = 0; at < fillers; at++) memory.setUint8(at, 1);
        memory.setUint16(fillers, 0xfd03);
        const bytes = emitSack(memory, fillers + 3, said);
        assert.equal(bytes, sackBytes(blocks.length));
        const heard = sackBlocks();
        readSack(memory, 0, fillers + 3 + bytes, heard);
        assert.deepEqual(heard, said);
      },
    ),
  );
});

test('readSack() survives lengths that cannot be', () => {
  for (const bytes of [[5], [5, 0], [5, 1], [5, 10, 1, 2], [5, 7, 0, 0, 0, 0, 0], [77, 40], [5, 2]]) {
    const heard = sackBlocks();
    readSack(new DataView(Uint8Array.from(bytes).buffer), 0, bytes.length, heard);
    assert.equal(heard.count, 0, String(bytes));
  }
});

test('SACK is offered, agreed to if it was offered, and not without', () => {
  assert.equal(connecting().segments()[0].sack, true);
  assert.equal(connecting({ sack: false }).segments()[0].sack, false);
  for (const [options, said, isAgreed] of [
    [{}, syn, true],
    [{}, { mss }, false],
    [{ sack: false }, syn, false],
  ] as const) {
    const script = listening(options);
    script.say('S', said);
    assert.equal(script.segments()[0].sack, isAgreed);
  }
});

test('what comes out of order is told, the range that came last first', () => {
  const script = established({}, syn);
  const block = (seq: number): void => script.say('.', { seq, ack: 1, data: 'x'.repeat(10) });
  block(101);
  block(301);
  block(201);
  block(111);
  assert.deepEqual(
    script.segments().map(({ ack, blocks }) => [ack, blocks]),
    [
      [1, [[101, 111]]],
      [
        1,
        [
          [301, 311],
          [101, 111],
        ],
      ],
      [
        1,
        [
          [201, 211],
          [101, 111],
          [301, 311],
        ],
      ],
      [
        1,
        [
          [101, 121],
          [201, 211],
          [301, 311],
        ],
      ],
    ],
  );
  script.say('.', { seq: 1, ack: 1, data: 'x'.repeat(100) });
  assert.deepEqual(script.segments()[0].blocks, [
    [201, 211],
    [301, 311],
  ]);
});

test('with timestamps, three blocks fit, and four without', () => {
  for (const [said, stamp, most] of [
    [syn, undefined, 4],
    [{ ...syn, stamp: [1, 0] as const }, [2, 0] as const, 3],
  ] as const) {
    const script = established({}, said);
    for (let range = 1; range <= 6; range++)
      script.say('.', { seq: 100 * range, ack: 1, data: 'x', ...(stamp === undefined ? {} : { stamp }) });
    assert.equal(script.segments().at(-1)?.blocks.length, most);
  }
});

test('data and SACK share a segment, which is never too long', () => {
  const script = established({}, syn);
  script.say('.', { seq: 101, ack: 1, data: 'x' });
  script.segments();
  script.write('y'.repeat(mss - 20));
  script.write('y'.repeat(mss));
  script.flush();
  const heard = script.segments();
  assert.deepEqual(
    heard.map(({ data, blocks }) => [data.length, blocks.length]),
    [
      [mss, 0],
      [mss - 20, 1],
    ],
  );
});

test('without SACK agreed on, nothing is told', () => {
  const script = established({}, { mss });
  script.say('.', { seq: 101, ack: 1, data: 'x' });
  assert.deepEqual(script.segments()[0].blocks, []);
});

test('a hole is sent again when more than two segments came behind it, and nothing else is', () => {
  const script = underWay(6);
  has(script, [1, 2]);
  has(script, [1, 3]);
  assert.deepEqual(sent(script), []);
  has(script, [1, 4]);
  assert.deepEqual(sent(script), [0]);
  script.say('.', { seq: 1, ack: end(6), window: 60_000 });
  script.pass(5_000);
  assert.deepEqual(sent(script), []);
});

test('several holes are sent again at once, as the window allows', () => {
  const script = underWay(10);
  has(script, [1, 2], [3, 4], [5, 6], [7, 10]);
  assert.deepEqual(sent(script), [0, 2, 4, 6]);
});

test('the window is reduced once a recovery', () => {
  const script = underWay(10);
  script.write('x'.repeat(20 * mss));
  has(script, [1, 10]);
  // 7 of 10 segments: one again, six that are new.
  assert.deepEqual(sent(script), [0, 10, 11, 12, 13, 14, 15]);
  script.say('.', { seq: 1, ack: end(10), window: 60_000, blocks: [[end(11), end(14)]] });
  assert.deepEqual(sent(script)[0], 10);
});

test('a segment that was sent again and lost again is sent a third time, without a time-out', () => {
  const script = underWay(6);
  script.write('x'.repeat(6 * mss));
  script.flush();
  script.segments();
  has(script, [1, 5]);
  const again = sent(script);
  assert.equal(again[0], 0);
  const last = Math.max(...again);
  // What was sent after it is there, and it is not.
  has(script, [1, last + 1]);
  assert.equal(sent(script)[0], 0);
  assert.equal(script.stack.counters.timeoutRetransmissions, 0);
});

test('the end of a transfer is lost: a probe long before the time-out, and what was lost follows it', () => {
  const script = underWay(5);
  script.pass(10);
  assert.deepEqual(sent(script), [4]);
  assert.equal(script.stack.counters.tailLossProbes, 1);
  has(script, [4, 5]);
  assert.deepEqual(sent(script), [0, 1, 2]);
  assert.equal(script.stack.counters.timeoutRetransmissions, 0);
});

test('a probe that is lost, too, leaves the rest to the time-out', () => {
  const script = underWay(5);
  script.pass(10);
  assert.deepEqual(sent(script), [4]);
  script.pass(198);
  assert.deepEqual(sent(script), []);
  script.pass(5);
  assert.deepEqual(sent(script), [0]);
});

test('a single segment is not probed for: its ACK may be delayed', () => {
  const script = underWay(1);
  script.pass(190);
  assert.deepEqual(sent(script), []);
});

test('after a time-out, what the peer has is not sent again', () => {
  const script = underWay(8);
  has(script, [2, 4]);
  script.segments();
  script.pass(1_000);
  sent(script);
  script.say('.', { seq: 1, ack: end(1), window: 60_000, blocks: [[end(2), end(4)]] });
  script.say('.', { seq: 1, ack: end(4), window: 60_000 });
  const again = sent(script);
  assert.ok(!again.includes(2) && !again.includes(3), String(again));
  assert.ok(again.includes(1) && again.includes(4), String(again));
});

test('a FIN that is lost with the end goes again with it', () => {
  const script = established({}, syn);
  script.write('x'.repeat(5 * mss));
  script.stack.shutdown(script.id);
  script.flush();
  script.segments();
  script.say('.', { seq: 1, ack: end(3), window: 60_000 });
  script.pass(10);
  assert.deepEqual(script.heard(), ['F. 4002+999 ack 1']);
  script.pass(300);
  assert.deepEqual(script.heard(), ['. 3001+1000 ack 1']);
  script.say('.', { seq: 1, ack: end(4), window: 60_000 });
  assert.deepEqual(script.heard(), ['. 4001+1000 ack 1', 'F. 5001 ack 1']);
  script.say('.', { seq: 1, ack: end(5) + 1, window: 60_000 });
  assert.equal(script.state, 'finWait2');
});

test('blocks that cannot be are passed over: from before, beyond what was sent, the wrong way round', () => {
  const script = underWay(6);
  script.say('.', {
    seq: 1,
    ack: 1,
    window: 60_000,
    blocks: [
      [-3_000, 1],
      [end(4), end(90)],
      [end(4), end(2)],
    ],
  });
  assert.deepEqual(sent(script), []);
  script.say('.', { seq: 1, ack: end(6), window: 60_000, blocks: [[end(1), end(6)]] });
  script.pass(5_000);
  assert.deepEqual(sent(script), []);
});

test('a peer that takes back what it had gets it again in the end', () => {
  const script = underWay(6);
  has(script, [1, 5]);
  assert.deepEqual(sent(script), [0]);
  script.say('.', { seq: 1, ack: end(1), window: 60_000 });
  script.pass(3_000);
  assert.ok(sent(script).includes(1));
});
