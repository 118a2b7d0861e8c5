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

type Kind = 'add' | 'take' | 'remove';

const stepsOf = (...kinds: Kind[]) =>
  fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      list: fc.constantFrom(CONTROL, ACK, DATA),
      id: fc.integer({ min: 0, max: ids - 1 }),
    }),
    { maxLength: 200, size: 'max' },
  );

/** Every list and every id, against what should be on them. */
function compare(lists: TransmitLists, model: readonly Entry[]): void {
  for (const each of [CONTROL, ACK, DATA]) {
    assert.equal(lists.size(each), model.filter((entry) => entry[0] === each).length);
    for (let id = 0; id < ids; id++)
      assert.equal(
        lists.has(each, id),
        model.some((entry) => entry[0] === each && entry[1] === id),
      );
  }
}

for (const order of orders) {
  test(`${order}: gives what was put there in its order, each once`, () => {
    fc.assert(
      fc.property(stepsOf('add', 'add', 'take'), (steps) => {
        const lists = new TransmitLists(ids, order);
        let model: Entry[] = [];
        for (const { kind, list, id } of steps) {
          const first = order === 'first-come' ? model[0] : model.find(([each]) => each === list);
          if (kind === 'take') {
            const taken = first !== undefined && first[0] === list ? first : undefined;
            assert.equal(lists.take(list), taken?.[1] ?? -1);
            model = model.filter((entry) => entry !== taken);
          } else {
            lists.add(list, id);
            if (!model.some((entry) => entry[0] === list && entry[1] === id)) model.push([list, id]);
          }
          compare(lists, model);
        }
        const left = order === 'first-come' ? model : [...model].sort((a, b) => a[0] - b[0]);
        assert.deepEqual(drain(lists), left);
      }),
    );
  });

  test(`${order}: what is taken off is not given, and what is put on again is given once`, () => {
    fc.assert(
      fc.property(stepsOf('add', 'add', 'add', 'take', 'remove', 'remove'), (steps) => {
        const lists = new TransmitLists(ids, order);
        let model: Entry[] = [];
        for (const { kind, list, id } of steps) {
          if (kind === 'remove') {
            lists.remove(id);
            model = model.filter(([, each]) => each !== id);
          } else if (kind === 'take') {
            const taken = lists.take(list);
            const wanted = model.filter((entry) => entry[0] === list);
            if (taken >= 0) assert.ok(wanted.some(([, each]) => each === taken));
            else if (order === 'by-list') assert.equal(wanted.length, 0);
            model = model.filter((entry) => entry[0] !== list || entry[1] !== taken);
          } else {
            lists.add(list, id);
            if (!model.some((entry) => entry[0] === list && entry[1] === id)) model.push([list, id]);
          }
          compare(lists, model);
        }
        assert.deepEqual(drain(lists).sort(), [...model].sort());
      }),
    );
  });
}
