/**
 * Flow tables, both kinds: against a Map keyed by text, full, under keys that an ordinary hash would pile up.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFlowTable, type FlowTable, type FlowTableKind } from '../../../net/tcp/flow-table.ts';
import { lineOf, lineWords, Peer } from '../../../net/tcp/layout.ts';

type Flow = readonly [localAddress: number, localPort: number, remoteAddress: number, remotePort: number];

/** A table, and the lines that its ids have. */
class Flows {
  readonly lines: Int32Array;
  readonly table: FlowTable;

  constructor(kind: FlowTableKind, ids: number, seed: number, homeBits?: number) {
    this.lines = new Int32Array(ids * lineWords);
    this.table = createFlowTable(kind, this.lines, seed, homeBits);
  }

  insert([localAddress, localPort, remoteAddress, remotePort]: Flow, id: number): void {
    this.lines[lineOf(id) + Peer.LOCAL] = localAddress;
    this.lines[lineOf(id) + Peer.REMOTE] = remoteAddress;
    this.lines[lineOf(id) + Peer.PORTS] = (localPort << 16) | remotePort;
    this.table.insert(id);
  }

  find(flow: Flow): number {
    return this.table.find(...flow);
  }
}

/** With few, entries lie too far from their homes to tell how far, as with many they hardly ever do. */
const homeBits = fc.constantFrom(undefined, 0, 1, 2);

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

function findAll(flows: Flows, model: ReadonlyMap<string, number>): void {
  assert.equal(flows.table.size, model.size);
  for (const [key, id] of model) assert.equal(flows.find(JSON.parse(key) as Flow), id, key);
}

for (const kind of kinds) {
  test(`${kind}: find() sees what a Map sees, through any inserts and removes`, () => {
    fc.assert(
      fc.property(
        operations,
        fc.constantFrom(8, 108),
        fc.integer(),
        homeBits,
        (steps, capacity, seed, bits) => {
          const flows = new Flows(kind, capacity, seed, bits);
          const free = Array.from({ length: capacity }, (_, id) => id);
          const model = new Map<string, number>();
          for (const step of steps) {
            const key = JSON.stringify(step.flow);
            const known = model.get(key);
            if (step.kind === 'find') assert.equal(flows.find(step.flow), known ?? -1);
            else if (step.kind === 'remove' && known !== undefined) {
              flows.table.remove(known);
              flows.table.remove(known);
              model.delete(key);
              free.unshift(known);
            } else if (step.kind === 'insert' && known === undefined && free.length > 0) {
              const id = free.pop()!;
              flows.insert(step.flow, id);
              model.set(key, id);
            }
            findAll(flows, model);
          }
        },
      ),
    );
  });

  test(`${kind}: remove() keeps every other flow of a table that is full, in any order`, () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 65_535 }), { minLength: 8, maxLength: 8 }),
        fc.integer(),
        homeBits,
        (ports, seed, bits) => {
          const flows = new Flows(kind, 8, seed, bits);
          const model = new Map<string, number>();
          for (const [id, port] of ports.entries()) {
            flows.insert([1, 80, 2, port], id);
            model.set(JSON.stringify([1, 80, 2, port]), id);
          }
          for (const port of [...ports].sort((a, b) => a - b)) {
            flows.table.remove(ports.indexOf(port));
            model.delete(JSON.stringify([1, 80, 2, port]));
            assert.equal(flows.find([1, 80, 2, port]), -1);
            findAll(flows, model);
          }
        },
      ),
    );
  });

  test(`${kind}: an address is the same as int32 and as uint32`, () => {
    const flows = new Flows(kind, 4, 1);
    flows.insert([0xc6120001, 80, 0xffffffff, 65_535], 0);
    assert.equal(flows.find([0xc6120001 | 0, 80, -1, 65_535]), 0);
    assert.equal(flows.find([0xc6120001, 80, 0xffffffff, 65_535]), 0);
    flows.table.remove(0);
    assert.equal(flows.table.size, 0);
  });

  test(`${kind}: 200,000 flows in a row come and go, by port, by address, by both`, () => {
    const count = 200_000;
    const flows = new Flows(kind, count, 0x51ed27);
    const flowOf = (id: number): Flow =>
      id % 2 === 0 ? [1, 80, (id >>> 1) << 12, 40_000] : [1, 80, 0xc6120000 + (id >>> 12), id & 0xffff];
    for (let id = 0; id < count; id++) flows.insert(flowOf(id), id);
    for (let id = 0; id < count; id += 3) flows.table.remove(id);
    for (let id = 0; id < count; id++) {
      const found = flows.find(flowOf(id));
      if (found !== (id % 3 === 0 ? -1 : id)) assert.fail(`flow ${id}: ${found}`);
    }
  });
}
