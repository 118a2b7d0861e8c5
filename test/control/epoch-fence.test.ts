import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EpochFence } from '../../control/epoch-fence.ts';

test('EpochFence keeps the newest epoch of each run, and is bounded', () => {
  const fence = new EpochFence();
  fence.see('a', 5);
  fence.see('a', 3);
  fence.see('b', 1);
  assert.deepEqual([fence.newest('a'), fence.newest('b'), fence.newest('c')], [5, 1, 0]);
  for (let run = 0; run < 999; run++) fence.see(`r${run}`, 1);
  assert.equal(fence.newest('a'), 0, 'the run that was seen longest ago is forgotten');
  assert.equal(fence.newest('r998'), 1);
});
