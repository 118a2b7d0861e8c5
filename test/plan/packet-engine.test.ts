/** What a plan says of the packet engine, before anything starts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRun } from '../../coordinator/plan/plan.ts';
import { aMachine, aScenario } from './a-machine.ts';

const packet = { engine: 'packet', close: 'client-rst' };

test('planRun() has nothing against packet in namespaces, with an agent a load core', () => {
  const { problems, warnings, lab } = planRun(
    aScenario({ factors: packet, agents: { count: 3 } }),
    aMachine(),
  );
  assert.deepEqual([lab, problems, warnings], ['namespaces', [], []]);
});

test('planRun() says which load cores packet leaves idle, and how many agents would use them', () => {
  const { warnings } = planRun(aScenario({ factors: packet }), aMachine({ cores: [0, 1, 2, 3] }));
  assert.deepEqual(warnings, [
    'By engine "packet" load cores 1, 2 stay idle: it makes load on one core an agent; wanted agents.count: 3 to use them all.',
  ]);
});

test('planRun() refuses packet on loopback, where no frame is', () => {
  const asked = planRun(aScenario({ lab: 'loopback', factors: packet }), aMachine());
  assert.equal(asked.problems.length, 1);
  assert.match(
    asked.problems[0] as string,
    /^Cannot make load by engine "packet" in the lab "loopback": .* wanted the lab "namespaces"/,
  );
  const fallen = planRun(aScenario({ factors: packet }), aMachine({ namespacesRefused: 'unshare: EPERM' }));
  assert.match(fallen.problems.join(), /engine "packet" in the lab "loopback"/);
});

test('planRun() names the rights that packet lacks, and those without which it is slower', () => {
  const without = (...missingRights: string[]) =>
    planRun(aScenario({ factors: packet, agents: { count: 3 } }), aMachine({ missingRights }));
  assert.match(
    without('CAP_NET_RAW').problems.join(),
    /^Cannot make load by engine "packet": this process has no CAP_NET_RAW; .*--set engine=socket\.$/,
  );
  const slower = without('CAP_BPF', 'CAP_NET_ADMIN');
  assert.deepEqual(slower.problems, []);
  assert.match(slower.warnings.join(), /AF_PACKET, which is slower than AF_XDP: .*CAP_BPF, CAP_NET_ADMIN/);
});

test('planRun() leaves the rights of a cluster to its agents', () => {
  const { problems, warnings } = planRun(
    aScenario({ lab: 'cluster', factors: packet }),
    aMachine({ missingRights: ['CAP_NET_RAW'] }),
  );
  assert.deepEqual([problems, warnings], [[], []]);
});

test('planRun() budgets ports by engine: the same rate is too much for one kernel address, not for packet', () => {
  const { cells, problems } = planRun(
    aScenario({
      lab: 'namespaces',
      factors: { engine: ['socket', 'packet'], close: 'client-fin', rate: 60_000 },
      agents: { count: 3 },
    }),
    aMachine({ timeWaitReuseDelaySeconds: 60 }),
  );
  const verdicts = new Map(cells.map(({ cell, ports }) => [cell.engine, ports?.verdict]));
  assert.deepEqual(
    [...verdicts],
    [
      ['socket', 'impossible'],
      ['packet', 'enough'],
    ],
  );
  assert.equal(problems.length, 1);
});
