/** Transmit lists: order, membership, and both ways to queue against lists of plain numbers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACK, CONTROL, DATA, TransmitLists, type TransmitOrder } from '../../../net/tcp/transmit-lists.ts';

const orders: readonly TransmitOrder[] = ['by-list', 'first-come'];
const ids = 6;

type Entry = readonly [list: number, id: number];

function drain(lists: TransmitLists): Entry[] {
  const taken: Entry[] = [];
  for (let list = lists.nextList(); list >= 0; list = lists.nextList()) taken.push([list, lists.take(list)]);
  return taken;
}

test('by-list: control leaves before ACKs, ACKs before data, each in the order in which it came', () => {
  const lists = new TransmitLists(ids);
  for (const [list, id] of [
    [DATA, 3],
    [ACK, 1],
    [DATA, 0],
    [CONTROL, 5],
    [ACK, 0],
    [CONTROL, 3],
  ] as const)
    lists.add(list, id);
  assert.deepEqual(drain(lists), [
    [CONTROL, 5],
    [CONTROL, 3],
    [ACK, 1],
    [ACK, 0],
    [DATA, 3],
    [DATA, 0],
  ]);
});

test('first-come: what came first leaves first, whatever it is', () => {
  const lists = new TransmitLists(ids, 'first-come');
  const entries = [
    [DATA, 3],
    [ACK, 1],
    [DATA, 0],
    [CONTROL, 5],
    [ACK, 0],
    [CONTROL, 3],
  ] as const;
  for (const [list, id] of entries) lists.add(list, id);
  assert.equal(lists.take(CONTROL), -1);
  assert.deepEqual(drain(lists), entries);
});

const step = fc.record({
  kind: fc.constantFrom('add' as const, 'add', 'add', 'take', 'remove'),
  list: fc.constantFrom(CONTROL, ACK, DATA),
  id: fc.integer({ min: 0, max: ids - 1 }),
});

for (const order of orders) {
  test(`${order}: does what arrays do, through any adds, takes and removes`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const lists = new TransmitLists(ids, order);
        let model: Entry[] = [];
        for (const { kind, list, id } of steps) {
          const first = order === 'first-come' ? model[0] : model.find(([each]) => each === list);
          if (kind === 'remove') {
            lists.remove(id);
            model = model.filter(([, each]) => each !== id);
          } else if (kind === 'take') {
            const taken = first !== undefined && first[0] === list ? first : undefined;
            assert.equal(lists.take(list), taken?.[1] ?? -1);
            model = model.filter((entry) => entry !== taken);
          } else {
            lists.add(list, id);
            if (!model.some((entry) => entry[0] === list && entry[1] === id)) model.push([list, id]);
          }
          for (const each of [CONTROL, ACK, DATA]) {
            assert.equal(lists.size(each), model.filter((entry) => entry[0] === each).length);
            for (let other = 0; other < ids; other++)
              assert.equal(
                lists.has(each, other),
                model.some((entry) => entry[0] === each && entry[1] === other),
              );
          }
        }
        const left = order === 'first-come' ? model : [...model].sort((a, b) => a[0] - b[0]);
        assert.deepEqual(drain(lists), left);
      }),
    );
  });
}
