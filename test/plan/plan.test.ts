/** Plans: which trials, in which order, where, for how long; and why not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsOf } from '../../coordinator/plan/cells.ts';
import { parseRanges, readMachine } from '../../coordinator/plan/machine.ts';
import { shareCores } from '../../coordinator/plan/placement.ts';
import { planRun, trialOverheadSeconds } from '../../coordinator/plan/plan.ts';
import { aMachine, aScenario } from './a-machine.ts';

test('cellsOf() is the cross product of the factors', () => {
  const cells = cellsOf(
    aScenario({
      factors: { cores: [1, 2], close: ['client-fin', 'client-rst'], messages: [1, 8], concurrency: [4, 8] },
    }),
  );
  assert.equal(cells.length, 2 * 2 * 2 * 2 * 2);
  assert.equal(new Set(cells.map((cell) => JSON.stringify(cell))).size, cells.length);
  assert.deepEqual(cells[0], {
    variant: 'single-queue',
    cores: 1,
    engine: 'socket',
    messages: 1,
    requestBytes: 64,
    responseBytes: 64,
    close: 'client-fin',
    concurrency: 4,
    rate: null,
  });
  assert.deepEqual(
    cells.slice(0, 2).map(({ variant }) => variant),
    ['single-queue', 'reuseport'],
  );
});

test('planRun() has every cell once in every block', () => {
  const plan = planRun(
    aScenario({ blocks: 7, factors: { close: ['client-fin', 'client-rst'] } }),
    aMachine(),
  );
  assert.equal(plan.trials.length, 7 * 4);
  assert.equal(new Set(plan.trials.map(({ trial }) => trial)).size, 28);
  for (let block = 1; block <= 7; block++) {
    const cells = plan.trials.filter((trial) => trial.block === block).map(({ cellId }) => cellId);
    assert.deepEqual([...cells].sort(), ['c01', 'c02', 'c03', 'c04']);
  }
  assert.deepEqual(
    plan.trials.map(({ block }) => block),
    [...plan.trials.map(({ block }) => block)].sort((a, b) => a - b),
  );
});

test('planRun() names trials the same whenever it is asked, so that a run can be resumed', () => {
  const scenario = aScenario({ blocks: 5, seed: 42 });
  assert.deepEqual(planRun(scenario, aMachine()).trials, planRun(scenario, aMachine()).trials);
  assert.match(planRun(scenario, aMachine()).trials[0]?.trial ?? '', /^b01-c0[12]$/);
});

test('planRun() orders the blocks by the seed, each differently', () => {
  const orderOf = (seed: number): string[] => {
    const { trials } = planRun(aScenario({ blocks: 40, seed }), aMachine());
    return Array.from({ length: 40 }, (_, index) =>
      trials
        .slice(2 * index, 2 * index + 2)
        .map(({ cellId }) => cellId)
        .join(),
    );
  };
  const first = orderOf(1);
  assert.notDeepEqual(first, orderOf(2));
  const straight = first.filter((order) => order === 'c01,c02').length;
  assert.ok(straight > 8 && straight < 32, `${straight} of 40 blocks begin with the first cell`);
});

test('planRun() gives every cell of a block the same arrivals, and every block its own', () => {
  const { trials } = planRun(aScenario({ blocks: 20 }), aMachine());
  const seeds = new Map<number, Set<number>>();
  for (const { block, seed } of trials) seeds.set(block, (seeds.get(block) ?? new Set()).add(seed));
  assert.ok([...seeds.values()].every((ofBlock) => ofBlock.size === 1));
  assert.equal(new Set([...seeds.values()].map((ofBlock) => [...ofBlock][0])).size, 20);
  assert.ok(trials.every(({ seed }) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
});

test('planRun() serves on the last cores and makes load on those that no cell serves on', () => {
  const plan = planRun(aScenario({ factors: { cores: [1, 2] } }), aMachine({ cores: [0, 1, 2, 3] }));
  assert.deepEqual(plan.loadCores, [0, 1]);
  assert.deepEqual(
    plan.cells.map(({ cell, serverCores }) => [cell.cores, serverCores]),
    [
      [1, [3]],
      [1, [3]],
      [2, [2, 3]],
      [2, [2, 3]],
    ],
  );
  assert.deepEqual(plan.problems, []);
});

test('planRun() keeps to the cores a container lets it use', () => {
  const plan = planRun(aScenario(), aMachine({ cores: [4, 7] }));
  assert.deepEqual([plan.loadCores, plan.cells[0]?.serverCores], [[4], [7]]);
});

for (const [cores, wanted] of [
  [2, /^Cannot place 2 server cores: .* 2 \(0, 1\).*wanted at most 1\. Use --set cores=1/],
  [64, /^Cannot place 64 server cores: /],
] as const) {
  test(`planRun() refuses ${cores} server cores on a machine of two`, () => {
    const { problems } = planRun(aScenario({ factors: { cores } }), aMachine({ cores: [0, 1] }));
    assert.equal(problems.length, 1);
    assert.match(problems[0] as string, wanted);
  });
}

test('planRun() refuses a machine of one core', () => {
  assert.match(
    planRun(aScenario(), aMachine({ cores: [0] })).problems.join(),
    /wanted a machine with 2 or more/,
  );
});

test('planRun() warns of load on a hardware thread of a server core', () => {
  const siblings = [
    [0, 1],
    [2, 3],
  ];
  const apart = planRun(
    aScenario({ factors: { cores: 2 }, agents: { sourceAddresses: 8 } }),
    aMachine({ siblings }),
  );
  assert.deepEqual(apart.warnings, []);
  const shared = planRun(aScenario({ factors: { cores: 1 } }), aMachine({ siblings }));
  assert.match(shared.warnings.join(), /^Load cores 2 are hardware threads of server cores/);
});

test('planRun() takes loopback where namespaces are refused, and says why', () => {
  const machine = aMachine({ namespacesRefused: 'unshare: Operation not permitted; needs root' });
  const auto = planRun(aScenario({ agents: { sourceAddresses: 8 } }), machine);
  assert.equal(auto.lab, 'loopback');
  assert.deepEqual(auto.problems, []);
  assert.match(auto.warnings.join(), /The lab is loopback.*Operation not permitted/);
  const asked = planRun(aScenario({ lab: 'namespaces' }), machine);
  assert.match(
    asked.problems.join(),
    /^Cannot make the lab "namespaces": unshare: Operation not permitted; needs root\. Or use --lab loopback/,
  );
});

test('planRun() knows how many agents the namespaces can hold', () => {
  assert.equal(planRun(aScenario({ agents: { count: 127 } }), aMachine()).lab, 'namespaces');
  assert.equal(
    planRun(aScenario({ agents: { count: 128, sourceAddresses: 10 } }), aMachine()).lab,
    'loopback',
  );
  assert.match(
    planRun(aScenario({ lab: 'namespaces', agents: { count: 128 } }), aMachine()).problems.join(),
    /agents\.count is 128; wanted at most 127/,
  );
});

test('planRun() says what a shortage of descriptors allows', () => {
  const { problems } = planRun(aScenario({ factors: { concurrency: 512 } }), aMachine({ descriptors: 256 }));
  assert.equal(
    problems[0],
    'Cannot hold 512 connections open: the limit of open files is 256, of which 128 are needed otherwise; wanted concurrency: 128 at most, or "ulimit -n 640" before the start.',
  );
  assert.deepEqual(
    planRun(aScenario({ factors: { concurrency: 128 } }), aMachine({ descriptors: 256 })).problems,
    [],
  );
});

test('planRun() refuses an open loop that has no ports for its rate, with the change that would do', () => {
  const machine = aMachine({ timeWaitReuse: 0 });
  const { problems } = planRun(aScenario({ lab: 'loopback', factors: { rate: 10_000 } }), machine);
  assert.match(problems.join(), /^Ports cannot suffice: client-fin .* wanted agents\.sourceAddresses: 3\.$/);
});

test('planRun() leaves out a reference server that is not installed, and moves no other trial by it', () => {
  const scenario = aScenario({
    application: 'http',
    blocks: 6,
    factors: { variant: ['single-queue', 'nginx', 'reuseport'] },
  });
  const whole = planRun(scenario, aMachine());
  const without = planRun(scenario, aMachine({ programs: { nginx: null } }));
  assert.match(
    without.warnings.join(),
    /nginx is left out: nginx is not installed.*apt-get install nginx-light/,
  );
  assert.deepEqual(
    without.cells.map(({ id }) => id),
    ['c01', 'c03'],
  );
  assert.deepEqual(
    without.trials.map(({ trial }) => trial),
    whole.trials.map(({ trial }) => trial).filter((trial) => !trial.endsWith('c02')),
  );
});

test('planRun() refuses to compare with a baseline that is not installed', () => {
  const scenario = aScenario({ application: 'http', factors: { variant: ['nginx', 'reuseport'] } });
  const plan = planRun(scenario, aMachine({ programs: { nginx: null } }));
  assert.match(plan.problems.join(), /^Cannot compare with nginx: nginx is not installed/);
});

test('planRun() estimates the duration from its parts', () => {
  const plan = planRun(aScenario({ blocks: 10, warmUpSeconds: 1, measuredSeconds: 4 }), aMachine());
  assert.ok(Math.abs(plan.estimatedSeconds - 20 * (5 + trialOverheadSeconds)) < 10);
});

test('planRun() leaves cores and ports of a cluster to its members', () => {
  const plan = planRun(aScenario({ lab: 'cluster', factors: { cores: 48 } }), aMachine({ cores: [0] }));
  assert.deepEqual([plan.lab, plan.problems, plan.loadCores], ['cluster', [], []]);
  assert.equal(plan.cells[0]?.ports, null);
});

test('shareCores() gives near-equal runs of neighbours, and shares when agents are many', () => {
  assert.deepEqual(shareCores([0, 1, 2, 3, 4], 2), [
    [0, 1],
    [2, 3, 4],
  ]);
  assert.deepEqual(shareCores([0, 1, 2], 3), [[0], [1], [2]]);
  assert.deepEqual(shareCores([0, 1], 3), [[0], [1], [0]]);
});

test('parseRanges() reads lists as the kernel writes them', () => {
  assert.deepEqual(parseRanges('0-2,5'), [0, 1, 2, 5]);
  assert.deepEqual(parseRanges(''), []);
});

test('readMachine() knows the cores of this process, and its ports', () => {
  const machine = readMachine();
  assert.ok(machine.cores.length >= 1);
  assert.ok(machine.ports.low >= 1 && machine.ports.high <= 65_535 && machine.ports.low < machine.ports.high);
  assert.ok(machine.timeWaitReuseDelaySeconds > 0);
  assert.ok(machine.siblings.flat().length >= machine.cores.length);
});
