import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldFrames } from '../../net/links/held-frames.ts';

test('HeldFrames: first due first out, of one time first come first out, whatever is added and removed', () => {
  const most = 8;
  // Few times, so that many are alike; null removes.
  const step = fc.option(fc.integer({ min: 0, max: 5 }), { freq: 2 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const held = new HeldFrames(most);
      let model: { at: number; dueUs: number }[] = [];
      steps.forEach((dueUs, at) => {
        if (dueUs !== null) {
          assert.equal(held.add(at, 60 + at, dueUs), model.length < most);
          // Array.sort() is stable.
          if (model.length < most) model = [...model, { at, dueUs }].sort((a, b) => a.dueUs - b.dueUs);
        } else if (model.length > 0) {
          held.removeFirst();
          model.shift();
        }
        assert.equal(held.count, model.length);
        assert.equal(held.dueAtUs, model[0]?.dueUs ?? Number.POSITIVE_INFINITY);
        if (model[0] !== undefined)
          assert.deepEqual([held.firstAt, held.firstLength], [model[0].at, 60 + model[0].at]);
      });
    }),
  );
});
