import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gathering } from '../../agent/engines/packet/gathering.ts';

test('pauseUs() is a hundredth of what a connection takes, by those under way and those that end', () => {
  const gathering = new Gathering(0);
  assert.equal(gathering.pauseUs(9_999, 256, 100), 0, 'nothing is known yet');
  // 100 in 10 ms, 256 under way: 25.6 ms each.
  assert.equal(gathering.pauseUs(10_000, 256, 100), 256);
  assert.equal(gathering.pauseUs(15_000, 1, 10_000), 256, 'until the next window');
  // 1,000 in 10 ms, 256 under way: 2.56 ms each.
  assert.equal(gathering.pauseUs(20_000, 256, 1_100), 25);
  assert.equal(gathering.longestUs, 256);
});

test('pauseUs() has a most, and is nothing where it would be less than a timer is good for', () => {
  const rows = [
    { underWay: 1_024, ended: 10, pauseUs: 500 },
    { underWay: 64, ended: 320, pauseUs: 20 },
    { underWay: 64, ended: 321, pauseUs: 0 },
    { underWay: 64, ended: 0, pauseUs: 0 },
  ];
  for (const { underWay, ended, pauseUs } of rows)
    assert.equal(new Gathering(0).pauseUs(10_000, underWay, ended), pauseUs, `${underWay}, ${ended}`);
});
