/**
 * Whatever the network does to frames, as long as it lets some through, every byte arrives once and in order, both ends
 * reach CLOSED, and nothing is held afterwards.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldIn } from './nothing-held.ts';
import { runConversations } from './random-conversations.ts';
import { forEachSeed } from './seeds.ts';

const hourUs = 3_600e6;

test('a stream arrives whole and in order under any loss, reordering, repetition, damage and delay', () => {
  forEachSeed(400, (seed) => {
    const { network, ends, plans } = runConversations(seed);
    for (const end of ends) {
      assert.equal(end.failure, 0, `stream ${end.plan.sends}: failed with errno ${end.failure}`);
      assert.equal(end.sentBytes, end.plan.sendBytes, `stream ${end.plan.sends}: written`);
      const expected = plans.get(end.plan.receives)!.sendBytes;
      assert.equal(end.receivedBytes, expected, `stream ${end.plan.receives}: read`);
    }
    network.run(hourUs);
    assert.deepEqual(heldIn(network), []);
  });
});

test('a run is its seed: frame by frame the same again, and another with another seed', () => {
  const digests = [3, 4, 5].map((seed) => runConversations(seed, true).network.digest);
  assert.deepEqual(
    digests,
    [3, 4, 5].map((seed) => runConversations(seed, true).network.digest),
  );
  assert.equal(new Set(digests).size, digests.length);
});
