/**
 * Flow tables, both kinds: against a Map keyed by text, full, under keys that an ordinary hash would pile up.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFlowTable, type FlowTable, type FlowTableKind } from '../../../net/tcp/flow-table.ts';

type Flow = readonly [localAddress: number, localPort: number, remoteAddress: number, remotePort: number];

const kinds: readonly FlowTableKind[] = ['open', 'map'];

/** Few values, so that flows share parts and come again; some with the highest bit set. */
const flow: fc.Arbitrary<Flow> = fc.tuple(
  fc.constantFrom(0xc6120001, 0x7f000001, 0xffffffff),
  fc.constantFrom(80, 0x8000, 65_535),
  fc.constantFrom(0xc6120002, 0x46120002, 1),
  fc.constantFrom(0, 1, 0x8000, 65_535),
);

interface Operation {
  readonly kind: 'insert' | 'remove' | 'find';
  readonly flow: Flow;
}

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.record({ kind: fc.constantFrom('insert' as const, 'insert', 'remove', 'find'), flow }),
  { maxLength: 200, size: 'max' },
);

function findAll(table: FlowTable, model: ReadonlyMap<string, number>): void {
  assert.equal(table.size, model.size);
  for (const [key, id] of model) assert.equal(table.find(...(JSON.parse(key) as Flow)), id, key);
}

for (const kind of kinds) {
  test(`${kind}: find() sees what a Map sees, through any inserts and removes`, () => {
    fc.assert(
      fc.property(operations, fc.constantFrom(8, 108), fc.integer(), (steps, capacity, seed) => {
        const table = createFlowTable(kind, capacity, seed);
        const model = new Map<string, number>();
        for (const [id, step] of steps.entries()) {
          const key = JSON.stringify(step.flow);
          if (step.kind === 'find') assert.equal(table.find(...step.flow), model.get(key) ?? -1);
          else if (step.kind === 'remove') {
            table.remove(...step.flow);
            model.delete(key);
          } else if (model.has(key) || model.size < capacity) {
            table.insert(...step.flow, id);
            model.set(key, id);
          }
          findAll(table, model);
        }
      }),
    );
  });

  test(`${kind}: remove() keeps every other flow of a table that is full, in any order`, () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 65_535 }), { minLength: 8, maxLength: 8 }),
        fc.integer(),
        (ports, seed) => {
          const table = createFlowTable(kind, 8, seed);
          const model = new Map<string, number>();
          for (const port of ports) {
            table.insert(1, 80, 2, port, port);
            model.set(JSON.stringify([1, 80, 2, port]), port);
          }
          for (const port of [...ports].sort((a, b) => a - b)) {
            table.remove(1, 80, 2, port);
            model.delete(JSON.stringify([1, 80, 2, port]));
            assert.equal(table.find(1, 80, 2, port), -1);
            findAll(table, model);
          }
        },
      ),
    );
  });

  test(`${kind}: an address is the same as int32 and as uint32`, () => {
    const table = createFlowTable(kind, 4, 1);
    table.insert(0xc6120001, 80, 0xffffffff, 65_535, 0);
    assert.equal(table.find(0xc6120001 | 0, 80, -1, 65_535), 0);
    table.remove(0xc6120001 | 0, 80, -1, 65_535);
    assert.equal(table.size, 0);
  });

  test(`${kind}: insert() of one flow too many throws, and of one that is there does not`, () => {
    const table = createFlowTable(kind, 3, 1);
    for (let port = 1; port <= 3; port++) table.insert(1, 80, 2, port, port);
    assert.throws(() => table.insert(1, 80, 2, 4, 4), /the table holds 3, its capacity/);
    table.insert(1, 80, 2, 3, 7);
    assert.equal(table.find(1, 80, 2, 3), 7);
    assert.equal(table.find(1, 80, 2, 4), -1);
  });

  test(`${kind}: 200,000 flows in a row come and go, by port, by address, by both`, () => {
    const count = 200_000;
    const table = createFlowTable(kind, count, 0x51ed27);
    const flowOf = (id: number): Flow =>
      id % 2 === 0 ? [1, 80, (id >>> 1) << 12, 40_000] : [1, 80, 0xc6120000 + (id >>> 12), id & 0xffff];
    for (let id = 0; id < count; id++) table.insert(...flowOf(id), id);
    for (let id = 0; id < count; id += 3) table.remove(...flowOf(id));
    for (let id = 0; id < count; id++) {
      const [localAddress, localPort, remoteAddress, remotePort] = flowOf(id);
      const found = table.find(localAddress, localPort, remoteAddress, remotePort);
      if (found !== (id % 3 === 0 ? -1 : id)) assert.fail(`flow ${id}: ${found}`);
    }
  });
}
