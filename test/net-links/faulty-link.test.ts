import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../measurement/random.ts';
import { type Faults, faultyLink } from '../../net/links/faulty-link.ts';
import { frameBatch } from '../../net/links/link.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { receiveAll, send as sendFrame } from './frames-of-a-test.ts';

const length = 64;

interface Arrival {
  readonly number: number;
  readonly atUs: number;
  readonly isDamaged: boolean;
}

/** Sends `count` numbered frames, one every `everyUs`, and says what came, when. */
function send(faults: Faults, { seed = 'seed', count = 10_000, everyUs = 10 } = {}) {
  const [near, far] = memoryLinkPair({ frames: 4096 });
  const link = faultyLink(near, faults, seededRandom(1, seed));
  const batch = frameBatch(64);
  const arrivals: Arrival[] = [];
  const take = (nowUs: number): void => {
    for (let got = far.receive(batch, nowUs); got > 0; got = far.receive(batch, nowUs)) {
      for (let index = 0; index < got; index++) {
        const at = batch.at[index]!;
        const view = new DataView(far.memory.buffer, at, length);
        const number = view.getUint32(0);
        let wrongBits = 0;
        for (let byte = 14; byte < length; byte++)
          for (let bits = far.memory[at + byte]! ^ (number & 0xff); bits > 0; bits >>= 1)
            wrongBits += bits & 1;
        assert.ok(wrongBits <= 1);
        arrivals.push({ number, atUs: nowUs, isDamaged: wrongBits === 1 });
        far.release(at);
      }
    }
  };
  for (let number = 0; number < count; number++) {
    const at = link.allocate();
    assert.notEqual(at, -1);
    link.memory.fill(number & 0xff, at, at + length);
    new DataView(link.memory.buffer, at, length).setUint32(0, number);
    link.transmit(at, length);
    link.flush(number * everyUs);
    take(number * everyUs);
  }
  while (link.dueAtUs() < Number.POSITIVE_INFINITY) {
    const nowUs = link.dueAtUs();
    link.flush(nowUs);
    take(nowUs);
  }
  assert.equal(near.freeFrames, 4096, 'every frame is back');
  return { arrivals, counters: link.faults, link };
}

/** Five standard deviations of a binomial count: the seed is fixed, so it holds or it does not. */
function isNear(count: number, of: number, probability: number): void {
  const slack = 5 * Math.sqrt(of * probability * (1 - probability));
  assert.ok(
    Math.abs(count - of * probability) <= slack,
    `${count} of ${of}, wanted about ${of * probability}`,
  );
}

test('without faults every frame comes at once, in order and unharmed', () => {
  const { arrivals, counters } = send({}, { count: 500 });
  assert.deepEqual(
    arrivals,
    Array.from({ length: 500 }, (_, number) => ({ number, atUs: number * 10, isDamaged: false })),
  );
  assert.deepEqual(counters, { lost: 0, duplicated: 0, corrupted: 0, reordered: 0 });
});

test('loss: about so many do not come, and they are counted', () => {
  const { arrivals, counters } = send({ loss: 0.1 });
  assert.equal(arrivals.length + counters.lost, 10_000);
  isNear(counters.lost, 10_000, 0.1);
});

test('duplicate: about so many come twice, the same bytes', () => {
  const { arrivals, counters } = send({ duplicate: 0.05 });
  assert.equal(arrivals.length, 10_000 + counters.duplicated);
  assert.equal(new Set(arrivals.map(({ number }) => number)).size, 10_000);
  isNear(counters.duplicated, 10_000, 0.05);
});

test('corrupt: exactly one bit behind the Ethernet header is wrong', () => {
  const { arrivals, counters } = send({ corrupt: 0.02 });
  assert.equal(arrivals.filter(({ isDamaged }) => isDamaged).length, counters.corrupted);
  isNear(counters.corrupted, 10_000, 0.02);
});

test('reorder: some are overtaken, none is lost', () => {
  const { arrivals, counters } = send({ reorder: 0.1, reorderUs: 500 });
  isNear(counters.reordered, 10_000, 0.1);
  assert.equal(new Set(arrivals.map(({ number }) => number)).size, 10_000);
  const late = arrivals.filter(
    ({ number }, index) => index > 0 && number < arrivals[index - 1]!.number,
  ).length;
  assert.ok(late > 700, `${late} came after a later one`);
  assert.ok(arrivals.every(({ number, atUs }) => atUs >= number * 10 && atUs <= number * 10 + 520));
});

test('delay: frames come when they are due, not before, in order', () => {
  const { arrivals } = send({ delayUs: 1_000 }, { count: 300 });
  assert.deepEqual(
    arrivals.map(({ number }) => number),
    Array.from({ length: 300 }, (_, number) => number),
  );
  assert.ok(arrivals.every(({ number, atUs }) => atUs === number * 10 + 1_000));
});

test('jitter: each is late by its own share', () => {
  const { arrivals } = send({ delayUs: 100, jitterUs: 50 }, { count: 2_000 });
  const delays = arrivals.map(({ number, atUs }) => atUs - number * 10);
  assert.ok(Math.min(...delays) >= 100 && Math.max(...delays) < 160);
  // The far end looks every 10 µs.
  assert.ok(new Set(delays).size >= 5);
});

test('one seed, one run; another seed, another', () => {
  const faults = { loss: 0.1, duplicate: 0.1, corrupt: 0.1, reorder: 0.2, jitterUs: 300 };
  const runs = ['a', 'a', 'b'].map((seed) => send(faults, { seed, count: 1_000 }).arrivals);
  assert.deepEqual(runs[0], runs[1]);
  assert.notDeepEqual(runs[0], runs[2]);
});

test('corrupt: every bit behind the Ethernet header has its turn', () => {
  const [near, far] = memoryLinkPair();
  const link = faultyLink(near, { corrupt: 1 }, seededRandom(1));
  const turned = new Set<string>();
  for (let count = 0; count < 500; count++) {
    sendFrame(link, Buffer.alloc(16), 0);
    turned.add(receiveAll(far, 0)[0]!.toString('hex'));
  }
  // Two bytes behind the 14 of the header: sixteen frames of one bit.
  const words = [...turned].map((hex) => Number.parseInt(hex, 16));
  assert.deepEqual(
    words.sort((one, other) => one - other),
    Array.from({ length: 16 }, (_, bit) => 2 ** bit),
  );
});

test('what is queued is bounded, too, and close gives it back', () => {
  const [near] = memoryLinkPair({ frames: 10_000 });
  const link = faultyLink(near, {}, seededRandom(1));
  for (let index = 0; index < 9_000; index++) link.transmit(link.allocate(), 60);
  assert.equal(link.counters.overflows, 9_000 - 8_192);
  assert.equal(near.freeFrames, 10_000 - 8_192);
  link.close();
  assert.equal(near.freeFrames, 10_000);
});

test('what is held is bounded: the rest is dropped and counted', () => {
  const [near] = memoryLinkPair({ frames: 10_000 });
  const link = faultyLink(near, { delayUs: 1e6 }, seededRandom(1, 'bound'));
  for (let index = 0; index < 9_000; index++) {
    link.transmit(link.allocate(), 60);
    link.flush(0);
  }
  assert.equal(link.counters.overflows, 9_000 - 8_192);
  link.close();
  assert.equal(near.freeFrames, 10_000);
});

test('dueAtUs() says when the first held frame is there: not a moment before, whoever looks', () => {
  const [near, far] = memoryLinkPair();
  const link = faultyLink(near, { delayUs: 700 }, seededRandom(1));
  assert.equal(link.dueAtUs(), Number.POSITIVE_INFINITY);
  sendFrame(link, Buffer.alloc(60, 1), 100);
  sendFrame(link, Buffer.alloc(60, 2), 250);
  assert.equal(link.dueAtUs(), 800);
  receiveAll(link, 799.999);
  assert.deepEqual(receiveAll(far, 799.999), []);
  // Receiving moves the time on as flushing does.
  receiveAll(link, 800);
  assert.deepEqual(
    receiveAll(far, 800).map(([first]) => first),
    [1],
  );
  assert.equal(link.dueAtUs(), 950);
  link.flush(5_000);
  assert.deepEqual(
    receiveAll(far, 5_000).map(([first]) => first),
    [2],
  );
  assert.equal(link.dueAtUs(), Number.POSITIVE_INFINITY);
});

test('certain faults: all lost; all twice, the copy first and clean; a bare Ethernet header stays whole', () => {
  const arrived = (faults: Faults, bytes: Buffer): Buffer[] => {
    const [near, far] = memoryLinkPair({ frames: 4 });
    sendFrame(faultyLink(near, faults, seededRandom(1)), bytes, 0);
    const frames = receiveAll(far, 0);
    assert.equal(near.freeFrames, 4);
    return frames;
  };
  const frame = Buffer.alloc(60, 7);
  assert.deepEqual(arrived({ loss: 1 }, frame), []);
  assert.deepEqual(arrived({ duplicate: 1 }, frame), [frame, frame]);
  const header = Buffer.alloc(14, 7);
  assert.deepEqual(arrived({ corrupt: 1 }, header), [header]);
});

test('a repeat that finds no free frame is not made, and counted by the inner link', () => {
  const [near, far] = memoryLinkPair({ frames: 1 });
  const link = faultyLink(near, { duplicate: 1 }, seededRandom(1));
  sendFrame(link, Buffer.alloc(60), 0);
  assert.equal(receiveAll(far, 0).length, 1);
  assert.deepEqual([link.faults.duplicated, near.counters.overflows], [0, 1]);
});

test('what is no probability and no time is refused', () => {
  const [near] = memoryLinkPair({ frames: 1 });
  const make = (faults: Faults) => () => faultyLink(near, faults, seededRandom(1));
  assert.throws(make({ loss: 1.01 }), /loss is 1\.01; wanted a probability, 0 … 1/);
  assert.throws(make({ corrupt: Number.NaN }), /corrupt is NaN/);
  assert.throws(make({ jitterUs: -1 }), /jitterUs is -1; wanted microseconds/);
});

test('no frame stays away, whatever the faults and whoever runs out', () => {
  const chance = fc.constantFrom(0, 0.3, 1);
  const us = fc.constantFrom(0, 50, 1_000);
  const faults = fc.record({
    loss: fc.constantFrom(0, 0.3),
    duplicate: chance,
    corrupt: chance,
    reorder: chance,
    delayUs: us,
    jitterUs: us,
  });
  const frames = 16;
  const sizes = fc.record({ queueFrames: fc.integer({ min: 1, max: frames }), seed: fc.integer() });
  fc.assert(
    fc.property(faults, sizes, fc.array(fc.boolean(), { maxLength: 100 }), (wanted, sizes, looks) => {
      const [near, far] = memoryLinkPair({ frames, queueFrames: sizes.queueFrames });
      const link = faultyLink(near, wanted, seededRandom(sizes.seed));
      let sent = 0;
      let arrived = 0;
      looks.forEach((isLooking, step) => {
        const at = link.allocate();
        if (at >= 0) {
          link.transmit(at, 60);
          sent++;
        }
        if (step % 3 === 0) link.flush(step * 20);
        if (isLooking) arrived += receiveAll(far, step * 20).length;
      });
      // Of what was queued the delay begins with the flush.
      link.flush(1e6);
      link.flush(2e6);
      arrived += receiveAll(far, 2e6).length;
      assert.equal(link.dueAtUs(), Number.POSITIVE_INFINITY);
      assert.equal(near.freeFrames, frames);
      assert.equal(arrived, near.counters.transmitted);
      assert.ok(arrived <= sent + link.faults.duplicated - link.faults.lost);
      if (sizes.queueFrames === frames)
        assert.equal(arrived, sent + link.faults.duplicated - link.faults.lost);
    }),
  );
});
