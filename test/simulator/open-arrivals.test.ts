/** Open arrivals: below capacity what comes is served at once, above it the server saturates and the rest tries again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { designs } from '../../simulator/designs/table.ts';
import { Arrivals, type ArrivalsOptions, mostWaiting } from '../../simulator/engine/arrivals.ts';
import { runOnce } from '../../simulator/engine/run.ts';
import { EventQueue } from '../../simulator/event-queue.ts';
import { SimulationInputError } from '../../simulator/input-error.ts';
import { machines } from '../../simulator/machine/load.ts';
import { randomStream } from '../../simulator/random.ts';
import { runsOf, type SimulatedRow, type SimulateOptions, simulate } from '../../simulator/simulator.ts';

const { x5560 } = machines;
const cores = 4;
const rowOf = (options: Partial<SimulateOptions> & { design: string }): SimulatedRow =>
  simulate({ machine: x5560, cores: [cores], seeds: [1, 2, 3], ...options }).rows[0];

for (const design of ['stock', 'affinity-accept', 'reuseport', 'megapipe', 'fastsocket', 'user-level']) {
  const capacity = rowOf({ design, connections: 6_000 }).connectionsPerSecond;

  test(`${design}: at a tenth of its capacity throughput is the rate, and hardly anybody waits`, () => {
    const rate = capacity / 10;
    const row = rowOf({ design, rate });
    const said = JSON.stringify({ rate, row });
    assert.ok(Math.abs(row.connectionsPerSecond / rate - 1) < 0.03, said);
    assert.ok(row.low <= rate && rate <= row.high, said);
    assert.equal(row.dropsPerSecond, 0);
    // A client alone: the time of its packets and steps, behind nobody.
    const alone = rowOf({ design, concurrency: 1, connections: 2_000 }).latencySeconds.mean;
    const { mean } = row.latencySeconds;
    assert.ok(mean > 0.9 * alone && mean < 1.25 * alone, `${mean} s of ${alone} alone, ${said}`);
  });

  test(`${design}: at three times its capacity it serves what a closed loop gets, and drops the rest`, () => {
    const row = rowOf({ design, rate: 3 * capacity });
    const said = JSON.stringify({ capacity, row });
    assert.ok(Math.abs(row.connectionsPerSecond / capacity - 1) < 0.1, said);
    // Who is not served is dropped, while the first ones to try again, a second later, are still to come.
    assert.ok(Math.abs((row.dropsPerSecond ?? 0) / (2 * capacity) - 1) < 0.15, said);
  });

  test(`${design}: open clients are done, under way, waiting to try again, or gave up`, () => {
    const seed = 5;
    const asked = { machine: x5560, design, cores: [cores], rate: 2 * capacity, backlog: 32, seeds: [seed] };
    const [{ engine }] = runsOf({ ...asked, connections: 3_000 }, cores);
    const { arrivals, completed } = engine.connections;
    assert.ok(arrivals !== undefined && arrivals.waiting > 0, `seed ${seed}`);
    const known = completed + arrivals.open + arrivals.waiting + arrivals.givenUp;
    assert.equal(arrivals.arrived, known, `seed ${seed}`);
  });
}

test('open clients whose SYNs are dropped come back after 1, 2, 4, … seconds until they give up', () => {
  // A machine so slow that it serves about 36 connections a second, from a queue of 2.
  const slow = { ...x5560, clockGHz: 0.0005 };
  const seed = 3;
  const { engine, latencies } = runOnce({
    machine: slow,
    design: designs['user-level'],
    workload: {
      name: 'rpc',
      transactions: 1,
      bytes: 64,
      concurrency: 8,
      ratePerSecond: 60,
      thinkSeconds: 0,
      backlog: 2,
    },
    cores: 1,
    seed,
    connections: 12_000,
  });
  const { arrivals, completed } = engine.connections;
  assert.ok(arrivals !== undefined && arrivals.givenUp > 1_000, `seed ${seed}`);
  assert.equal(arrivals.arrived, completed + arrivals.open + arrivals.waiting + arrivals.givenUp);
  // By how often they had tried: each number of tries is among those who got in.
  const tries = new Set(Array.from(latencies, (latency) => Math.round(Math.log2(latency + 1))));
  for (let least = 0; least <= 6; least++) assert.ok(tries.has(least), `${[...tries]} (seed ${seed})`);
  assert.ok(Math.max(...latencies) > 63 && Math.max(...latencies) < 66, `seed ${seed}`);
});

test('Arrivals refuses to let more clients wait than fit into memory', () => {
  const events = new EventQueue();
  const counts = { dropped: 0, givenUp: 0 };
  const arrivals = new Arrivals({
    meanGapCycles: 1,
    secondCycles: 1e9,
    maxTries: 6,
    halfTripCycles: 1,
    slots: 1,
    events,
    chance: randomStream(1, 'arrivals'),
    accounts: counts as ArrivalsOptions['accounts'],
    admit: () => false,
  });
  arrivals.begin();
  const untilRefused = (): void => {
    while (events.next()) arrivals.arrives(events.argument);
  };
  assert.throws(untilRefused, (error: Error) => error instanceof SimulationInputError);
  assert.deepEqual([arrivals.arrived, counts.dropped], [mostWaiting + 1, mostWaiting + 1]);
});

test('simulate(): a rate that cannot be is refused', () => {
  const table: [Partial<SimulateOptions>, RegExp][] = [
    [{ rate: 0 }, /Cannot simulate a rate of 0: wanted/],
    [{ rate: Number.NaN }, /Cannot simulate a rate of NaN/],
    [{ rate: 10, concurrency: 10 }, /give one of them/],
  ];
  for (const [options, message] of table)
    assert.throws(
      () => rowOf({ design: 'stock', ...options }),
      (error: Error) => error instanceof SimulationInputError && message.test(error.message),
    );
});
