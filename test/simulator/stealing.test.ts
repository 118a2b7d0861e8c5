/** Wake orders, flow groups, stealing: who gets what. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowGroups, flowGroupCount } from '../../simulator/flow-groups.ts';
import { acceptOrder } from '../../simulator/papers/claims-queues.ts';
import { studyStealing } from '../../simulator/stealing-study.ts';
import { sleepers, wakeOrders } from '../../simulator/wake-order.ts';

for (const order of wakeOrders)
  test(`sleepers('${order}') wakes every sleeper once, then nobody`, () => {
    const asleep = sleepers(order, 5);
    for (const worker of [3, 0, 4]) asleep.sleep(worker);
    const woken = [asleep.wake(), asleep.wake(), asleep.wake()];
    assert.deepEqual(woken, order === 'fifo' ? [3, 0, 4] : [0, 3, 4]);
    assert.equal(asleep.count, 0);
    assert.equal(asleep.wake(), -1);
  });

test('acceptOrder(): fifo goes round, lifo stays', () => {
  assert.deepEqual(acceptOrder('fifo', 3, 6), [0, 1, 2, 0, 1, 2]);
  assert.deepEqual(acceptOrder('lifo', 3, 6), [0, 0, 0, 0, 0, 0]);
});

test('FlowGroups: every group has one core, spread evenly', () => {
  const flow = new FlowGroups(48);
  const counts = Array.from({ length: 48 }, (_, core) => flow.groupsOf(core));
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    flowGroupCount,
  );
  assert.deepEqual([Math.min(...counts), Math.max(...counts)], [85, 86]);
});

test('balance(): each thief takes one group of whom it stole most from; busy cores take none; thefts are forgotten', () => {
  const flow = new FlowGroups(4, 40);
  flow.noteTheft(1, 0);
  for (const _ of [1, 2, 3]) flow.noteTheft(1, 2);
  flow.noteTheft(3, 0);
  flow.noteTheft(2, 0);
  assert.equal(
    flow.balance((core) => core === 0 || core === 2),
    2,
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((core) => flow.groupsOf(core)),
    [9, 11, 9, 11],
  );
  assert.equal(
    flow.balance(() => false),
    0,
  );
});

test('balance(): a victim keeps its last group', () => {
  const flow = new FlowGroups(2, 4);
  for (let round = 0; round < 5; round++) {
    flow.noteTheft(1, 0);
    flow.balance((core) => core === 0);
  }
  assert.deepEqual([flow.groupsOf(0), flow.groupsOf(1)], [1, 3]);
});

const study = { serviceSeconds: 0.001, queueLength: 64, seconds: 1, seed: 4 } as const;

test('studyStealing(): every connection that was offered is served, refused or still there', () => {
  const { offered, served, refused, waiting, stolen } = studyStealing({
    ...study,
    loads: [2, 0.1, 0.5, 1.4],
  });
  assert.equal(served + refused + waiting, offered);
  assert.ok(stolen > 0);
});

test('studyStealing(): without a busy core nothing is stolen, and no group moves', () => {
  const { stolen, snapshots } = studyStealing({ ...study, loads: [0.3, 0.3, 0.3, 0.3] });
  assert.equal(stolen, 0);
  assert.deepEqual(snapshots[snapshots.length - 1].groups, snapshots[0].groups);
});

test('studyStealing(): two thieves halve the load of a hot core in half the time of one', () => {
  const speeds = [0.25, 1, 1, 1];
  const halved = (loads: readonly (number | null)[]): number => {
    const own = { ...study, serviceSeconds: 0.000_144, seconds: 8, groups: 400 };
    const { snapshots } = studyStealing({ ...own, loads, speeds });
    const [first] = snapshots;
    return snapshots.find((each) => each.loads[0] <= first.loads[0] / 2)?.seconds ?? Number.NaN;
  };
  const one = halved([0.8, 0.4, null, null]);
  const two = halved([0.8, 0.4, 0.4, null]);
  assert.ok(one > 4.9 && one < 5.6, `${one} s for half of 100 groups (seed ${study.seed})`);
  assert.ok(Math.abs(two / one - 0.5) < 0.05, `${two} s and ${one} s (seed ${study.seed})`);
});
