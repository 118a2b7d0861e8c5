/** Sequence numbers round the wrap at 2^32, in both ways of writing them: int32 and uint32. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { after, atOrAfter, atOrBefore, before, distance } from '../../net/wire/sequence.ts';

const starts = [0, 1, 0x7fff_fffe, 0x7fff_ffff, -0x8000_0000, -0x7fff_ffff, -2, -1];
const start = fc.oneof(fc.constantFrom(...starts), fc.integer());
const furthest = 2 ** 31 - 1;
const step = fc.oneof(fc.constantFrom(1, 2, furthest - 1, furthest), fc.integer({ min: 1, max: furthest }));

test('before() and after() hold across the wraps at 2^31 and 2^32', () => {
  for (const from of starts) {
    assert.ok(before(from, (from + 1) | 0), `${from}`);
    assert.ok(after((from + 1) | 0, from), `${from}`);
    assert.ok(!before(from, from) && !after(from, from), `${from}`);
    assert.ok(atOrBefore(from, from) && atOrAfter(from, from), `${from}`);
  }
  assert.ok(before(0xffff_ffff, 0) && after(0, 0xffff_ffff));
  assert.equal(distance(0xffff_fff0, 16), 32);
  assert.equal(distance(16, 0xffff_fff0), -32);
});

test('before(), after() and their like agree with distance(), up to 2^31 - 1 apart, from anywhere', () => {
  fc.assert(
    fc.property(start, step, fc.boolean(), (from, steps, unsigned) => {
      const a = unsigned ? from >>> 0 : from;
      const b = unsigned ? (from + steps) >>> 0 : (from + steps) | 0;
      assert.equal(distance(a, b), steps);
      assert.equal(distance(b, a), -steps);
      assert.deepEqual(
        [before(a, b), after(a, b), atOrBefore(a, b), atOrAfter(a, b)],
        [true, false, true, false],
      );
      assert.deepEqual(
        [before(b, a), after(b, a), atOrBefore(b, a), atOrAfter(b, a)],
        [false, true, false, true],
      );
    }),
  );
});

test('before() is transitive within a window', () => {
  fc.assert(
    fc.property(start, fc.nat({ max: 2 ** 30 - 1 }), fc.nat({ max: 2 ** 30 }), (from, first, second) => {
      const middle = (from + first) | 0;
      const last = (middle + second) | 0;
      assert.equal(before(from, middle) && before(middle, last), first > 0 && second > 0);
      assert.equal(before(from, last), first + second > 0);
    }),
  );
});

test('two numbers 2^31 apart are each before the other, so no window may be that wide', () => {
  for (const from of starts) {
    const opposite = (from + 2 ** 31) | 0;
    assert.ok(before(from, opposite) && before(opposite, from), `${from}`);
  }
});
