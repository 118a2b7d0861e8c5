/** What must hold of every simulation, whatever the figures: limits, monotony, conservation. A failure prints its seed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causeCount, causes } from '../../simulator/coherence/directory.ts';
import type { Design } from '../../simulator/designs/design.ts';
import { connection, locked } from '../../simulator/designs/operations.ts';
import { designs } from '../../simulator/designs/table.ts';
import { type Run, runOnce } from '../../simulator/engine/run.ts';
import { EventQueue } from '../../simulator/event-queue.ts';
import { studyLock } from '../../simulator/lock-study.ts';
import { Lock, nobody } from '../../simulator/locks/lock.ts';
import { mcs } from '../../simulator/locks/mcs.ts';
import { machines } from '../../simulator/machine/load.ts';
import type { Machine } from '../../simulator/machine/machine.ts';
import { runsOf } from '../../simulator/simulator.ts';
import type { Workload } from '../../simulator/workload.ts';

const seed = 7;
const { x5560 } = machines;

interface Small {
  readonly design: string;
  readonly machine?: Machine;
  readonly cores?: number;
  readonly transactions?: number;
  readonly seeds?: readonly number[];
}

function run({ design, machine = x5560, cores = 4, transactions = 1, seeds = [seed] }: Small): Run[] {
  const concurrency = 96 * cores;
  return runsOf(
    { machine, design, cores: [cores], transactions, concurrency, connections: 3_000, seeds },
    cores,
  );
}

const meanRate = (runs: readonly Run[]): number =>
  runs.reduce((sum, { connectionsPerSecond }) => sum + connectionsPerSecond, 0) / runs.length;

/** Lines cost nothing beyond a hit in the first cache, wherever they are; the network is never the limit. */
function withoutDistance(machine: Machine): Machine {
  const { l1 } = machine.latencyCycles;
  return {
    ...machine,
    latencyCycles: { l1, l2: l1, l3: l1, otherCore: l1, otherSocket: [l1], memory: l1, remoteMemory: [l1] },
    pollerCycles: 1e-9,
    nic: { ...machine.nic, gigabits: 1_000 },
  };
}

for (const name of Object.keys(designs)) {
  test(`${name}: one core has no sharing misses and waits for no lock`, () => {
    const [{ engine, lockWaitCycles }] = run({ design: name, cores: 1 });
    const { misses } = engine.directory;
    for (let index = 0; index < misses.length; index++) {
      const cause = causes[index % causeCount];
      if (cause.endsWith('sharing')) assert.equal(misses[index], 0, `${cause} (seed ${seed})`);
    }
    assert.equal(lockWaitCycles, 0);
  });

  test(`${name}: totals conserve connections`, () => {
    const transactions = 3;
    const cores = 4;
    const [{ engine, connections, workload }] = run({ design: name, cores, transactions });
    const { accounts } = engine;
    const accepted = accounts.accepted.reduce((sum, each) => sum + each, 0);
    // Those that are open at either end of the measured time are the only difference.
    const open = workload.concurrency;
    assert.equal(connections, 3_000);
    assert.ok(Math.abs(accepted - connections) <= open, `${accepted} accepted (seed ${seed})`);
    const answered = accounts.transactions / transactions;
    assert.ok(Math.abs(answered - connections) <= open, `${answered} answered (seed ${seed})`);
  });

  test(`${name}: farther sockets and farther memory never help`, () => {
    const { latencyCycles } = x5560;
    const far = {
      ...x5560,
      latencyCycles: {
        ...latencyCycles,
        otherSocket: latencyCycles.otherSocket.map((cycles) => cycles * 3),
        remoteMemory: latencyCycles.remoteMemory.map((cycles) => cycles * 3),
      },
    };
    const seeds = [1, 2, 3];
    const [near, further] = [x5560, far].map((machine) =>
      meanRate(run({ design: name, machine, cores: 8, seeds })),
    );
    assert.ok(further <= near * 1.03, `${near} connections/s, ${further} from farther (seeds ${seeds})`);
  });
}

for (const name of ['megapipe', 'fastsocket', 'user-level', 'reuseport-recent'])
  test(`${name}: zero-cost lines give linear scaling`, () => {
    const machine = withoutDistance(x5560);
    const one = meanRate(run({ design: name, machine, cores: 1 }));
    for (const cores of [2, 4, 8]) {
      const speedup = meanRate(run({ design: name, machine, cores })) / one;
      assert.ok(Math.abs(speedup / cores - 1) < 0.06, `${speedup} on ${cores} cores (seed ${seed})`);
    }
  });

test('user-level: a second socket of the same cores about doubles it, as nothing of it is shared between them', () => {
  const machine = machines['e5-2697v2'];
  const [one, two] = [12, 24].map((cores) =>
    meanRate(
      run({ design: 'user-level', machine: { ...machine, nic: { ...machine.nic, gigabits: 100 } }, cores }),
    ),
  );
  assert.ok(two > 1.85 * one && two < 2.15 * one, `${one} on a socket, ${two} on two (seed ${seed})`);
});

test('a lock that is held for all of a connection serialises the machine exactly', () => {
  const whole: Design = {
    name: 'one big lock',
    about: '',
    costs: { connection: 'kernel', transaction: 'kernel' },
    queues: 'shared',
    locks: { everything: 'one' },
    steps: {
      syn: [],
      ack: [],
      receive: [],
      finish: [],
      accept: [],
      serve: [locked('everything', { threads: 0, processes: 0 }, [connection(1, 'kernel')])],
      close: [],
    },
  };
  const machine = withoutDistance(x5560);
  const workload: Workload = {
    name: 'rpc',
    transactions: 1,
    bytes: 64,
    concurrency: 256,
    thinkSeconds: 0,
    backlog: 1024,
  };
  const held = machine.singleCore.kernel.connection;
  for (const cores of [2, 4, 8]) {
    const { connectionsPerSecond } = runOnce({
      machine,
      design: whole,
      workload,
      cores,
      seed,
      connections: 20_000,
    });
    const bound = (machine.clockGHz * 1e9) / held;
    assert.ok(connectionsPerSecond <= bound * 1.005, `${connectionsPerSecond} of ${bound} on ${cores} cores`);
    assert.ok(connectionsPerSecond > bound * 0.97, `${connectionsPerSecond} of ${bound} on ${cores} cores`);
  }
});

test('Lock: of n cores that come at once and hold it for H, the last is done after exactly n × H', () => {
  const [cores, holdCycles] = [48, 1e12];
  const lock = new Lock({ kind: mcs, lineCycles: () => 0, chance: () => 0 });
  const events = new EventQueue();
  for (let core = 0; core < cores; core++) if (lock.request(core, 0)) events.put(holdCycles, 0, core);
  let [now, done] = [0, 0];
  while (events.next()) {
    now = events.time;
    done++;
    const next = lock.release(events.argument, now);
    if (next !== nobody) events.put(now + holdCycles + lock.handOverCycles, 0, next);
  }
  assert.deepEqual([done, now], [cores, cores * holdCycles]);
});

test('studyLock(): all work serial and a hand-over for nothing leave one core’s worth of acquisitions', () => {
  const serialCycles = 400;
  const row = studyLock({
    kind: mcs,
    cores: 16,
    serialCycles,
    serialShare: 1,
    lineCycles: 0,
    service: 'deterministic',
    seed,
    acquisitions: 10_000,
    precision: 0.01,
    replications: 3,
  });
  assert.ok(
    Math.abs((row.acquisitionsPerMillionCycles * serialCycles) / 1e6 - 1) < 1e-3,
    JSON.stringify(row),
  );
});
