import assert from 'node:assert/strict';
import { test } from 'node:test';
import { designs } from '../../simulator/designs/table.ts';
import { runOnce } from '../../simulator/engine/run.ts';
import { explain } from '../../simulator/explain.ts';
import { SimulationInputError } from '../../simulator/input-error.ts';
import { machines } from '../../simulator/machine/load.ts';
import { type SimulatedRow, type SimulateOptions, simulate } from '../../simulator/simulator.ts';

const { x5560 } = machines;
const small = { concurrency: 128, connections: 600, seeds: [1, 2] } as const;
const rowOf = (options: Partial<SimulateOptions> & { design: string }): SimulatedRow =>
  simulate({ machine: x5560, cores: [4], ...small, ...options }).rows[0];

test('simulate(): a row has what scripts read, all of it finite', () => {
  for (const design of Object.keys(designs)) {
    const row = rowOf({ design });
    const numbers = { ...row, ...row.latencySeconds, latencySeconds: 0 };
    for (const [name, value] of Object.entries(numbers))
      assert.ok(Number.isFinite(value), `${design}: ${name} is ${value}`);
    assert.ok(
      row.connectionsPerSecond > 1_000 &&
        row.low <= row.connectionsPerSecond &&
        row.connectionsPerSecond <= row.high,
    );
    assert.ok(
      row.latencySeconds.p50 <= row.latencySeconds.p99 && row.latencySeconds.p99 <= row.latencySeconds.max,
    );
    assert.equal(row.transactionsPerSecond > 0, true, design);
  }
});

test('simulate(): the same seeds give the same rows, others do not', () => {
  assert.deepEqual(rowOf({ design: 'stock' }), rowOf({ design: 'stock' }));
  assert.notDeepEqual(rowOf({ design: 'stock' }), rowOf({ design: 'stock', seeds: [3, 4] }));
});

test('simulate(): on one core a connection costs what the machine says, whatever the length', () => {
  const { connection, transaction } = x5560.singleCore.kernel;
  for (const transactions of [1, 4, 20]) {
    const row = rowOf({ design: 'stock', cores: [1], transactions, concurrency: 256, connections: 1_500 });
    const expected = (x5560.clockGHz * 1e9) / (connection + transactions * transaction);
    assert.ok(
      Math.abs(row.connectionsPerSecond / expected - 1) < 0.03,
      `${transactions}: ${row.connectionsPerSecond} of ${expected}`,
    );
  }
});

test('simulate(): longer messages are slower, and the link is never exceeded', () => {
  let before = Number.POSITIVE_INFINITY;
  for (const bytes of [64, 1_000, 8_000, 64_000]) {
    const row = rowOf({ design: 'user-level', cores: [8], bytes, concurrency: 768, connections: 2_000 });
    assert.ok(row.connectionsPerSecond < before * 1.02, `${bytes} bytes`);
    assert.ok(row.gigabitsPerSecond < 10, `${bytes} bytes: ${row.gigabitsPerSecond} Gb/s`);
    before = row.connectionsPerSecond;
  }
  assert.ok(before < (10e9 / 8 / 64_000) * 1.02, String(before));
});

test('simulate(): more clients than the server can serve wait, and are not lost', () => {
  const few = rowOf({ design: 'megapipe', concurrency: 200 });
  const many = rowOf({ design: 'megapipe', concurrency: 800 });
  // Little's law: clients = rate × time in the system, of which a little is spent beside the measured latency.
  assert.ok(Math.abs(many.latencySeconds.mean * many.connectionsPerSecond - 800) < 160);
  assert.ok(many.latencySeconds.mean > 2 * few.latencySeconds.mean);
});

test('simulate(): bad input names what is wanted', () => {
  const table: [Partial<SimulateOptions> & { design: string }, RegExp][] = [
    [{ design: 'magic' }, /Cannot simulate design "magic".*stock/],
    [{ design: 'constructor' }, /Cannot simulate design "constructor"/],
    [{ design: 'stock', cores: [9] }, /Cannot simulate 9 cores on x5560: it has 8/],
    [{ design: 'stock', cores: [-1] }, /Cannot simulate -1 cores/],
    [{ design: 'stock', cores: [1_000_000] }, /it has 8/],
    [{ design: 'stock', transactions: 0 }, /Cannot simulate transactions 0/],
    [{ design: 'stock', bytes: 1.5 }, /Cannot simulate bytes 1.5/],
    [{ design: 'stock', concurrency: 0 }, /Cannot simulate concurrency 0/],
  ];
  for (const [options, message] of table)
    assert.throws(
      () => rowOf(options),
      (error: Error) => {
        assert.ok(error instanceof SimulationInputError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
});

test('a full queue drops, and clients come back after 1, 2, 4, … seconds until they give up', () => {
  const run = runOnce({
    machine: x5560,
    design: designs.stock,
    workload: { name: 'rpc', transactions: 1, bytes: 64, concurrency: 400, thinkSeconds: 0, backlog: 4 },
    cores: 2,
    seed: 1,
    burst: true,
  });
  const { accounts, connections } = run.engine;
  assert.equal(connections.completed, 400);
  assert.ok(accounts.dropped > 400, String(accounts.dropped));
  // By the second in which they were done: at once, or with one of the tries.
  const seconds = new Set(Array.from(run.latencies, Math.floor));
  assert.deepEqual(
    [...seconds].sort((one, other) => one - other),
    [0, 1, 3, 7, 15, 31, 63, 127],
  );
  assert.equal(Array.from(run.latencies).filter((latency) => latency > 126).length, accounts.givenUp);
});

test('explain(): the lines make the whole, on both sides', () => {
  const { lines, total, connectionsPerSecond } = explain({
    machine: x5560,
    designs: ['stock', 'megapipe'],
    cores: 8,
    concurrency: 768,
    connections: 3_000,
  });
  for (const side of ['from', 'to', 'saved'] as const) {
    const sum = lines.reduce((all, line) => all + line[side], 0);
    assert.ok(Math.abs(sum - total[side]) < 1e-6 * total.from, side);
  }
  assert.ok(connectionsPerSecond[1] > 3 * connectionsPerSecond[0]);
  assert.equal(lines[0].kind, 'lock wait');
  assert.equal(lines[0].of, 'listener');
  // Less than a tenth of nothing: what the steps at both ends of a run make.
  assert.ok(lines.every(({ kind, from, to }) => kind === 'idle' || (from >= 0 && to >= 0)));
});
