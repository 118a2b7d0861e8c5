/** Plans with variants that cannot be served here: what is left out, when nothing is left to compare, and why. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingRights } from '../../coordinator/plan/machine.ts';
import { planRun } from '../../coordinator/plan/plan.ts';
import { aMachine, aScenario } from './a-machine.ts';

const withUserLevel = (lab: string, variant = 'user-level') =>
  aScenario({ lab, factors: { variant: ['single-queue', variant] } });

test('planRun() has no problem with user-level in namespaces, as root', () => {
  assert.deepEqual(planRun(withUserLevel('namespaces'), aMachine()).problems, []);
  assert.equal(planRun(withUserLevel('auto'), aMachine()).lab, 'namespaces');
});

test('planRun() leaves user-level out on loopback, says why and what to do, and compares the rest', () => {
  const plan = planRun(withUserLevel('loopback', 'user-level:af-packet'), aMachine());
  assert.deepEqual(plan.problems, []);
  assert.match(
    plan.warnings.join('\n'),
    /^user-level:af-packet is left out: in the lab "loopback" .*never becomes a frame.*wanted the lab "namespaces"\. Use --lab namespaces\.$/m,
  );
  assert.deepEqual([...new Set(plan.trials.map(({ cell }) => cell.variant))], ['single-queue']);
});

test('planRun() says why namespaces are refused, when that is what user-level lacks', () => {
  const plan = planRun(withUserLevel('auto'), aMachine({ namespacesRefused: 'not permitted' }));
  assert.deepEqual(plan.problems, []);
  assert.match(
    plan.warnings.join('\n'),
    /^user-level is left out: .*"namespaces", refused here: not permitted\.$/m,
  );
});

test('planRun() names the rights that are missing', () => {
  const machine = aMachine({ missingRights: ['CAP_BPF'] });
  assert.match(
    planRun(withUserLevel('namespaces', 'user-level:af-xdp'), machine).warnings.join('\n'),
    /^user-level:af-xdp is left out: this process has no CAP_BPF; wanted CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF/m,
  );
});

test('planRun() refuses when nothing is left to compare, or the baseline is not there', () => {
  const machine = aMachine({ missingRights: ['CAP_NET_RAW'] });
  const alone = aScenario({ lab: 'namespaces', factors: { variant: ['user-level'] } });
  assert.match(
    planRun(alone, machine).problems.join(),
    /^Cannot compare with user-level: this process has no CAP_NET_RAW/,
  );
  const baseline = aScenario({ lab: 'namespaces', factors: { variant: ['user-level', 'reuseport'] } });
  assert.match(
    planRun(baseline, machine).problems.join(),
    /^Cannot compare with user-level: .*--set variant=…\.$/,
  );
});

test('planRun() does not judge a cluster, and not a run without user-level', () => {
  const none = aMachine({ missingRights: ['CAP_NET_RAW'] });
  const cluster = {
    ...withUserLevel('namespaces'),
    lab: 'cluster' as const,
  };
  assert.deepEqual(planRun(cluster, none).warnings, []);
  assert.deepEqual(planRun(cluster, none).problems, []);
  assert.deepEqual(planRun(aScenario({ lab: 'namespaces' }), none).problems, []);
});

test('missingRights() reads the effective set, and takes CAP_SYS_ADMIN for CAP_BPF', () => {
  const status = (bits: readonly bigint[]) =>
    `CapPrm:\tffffffffffffffff\nCapEff:\t${bits
      .reduce((set, bit) => set | (1n << bit), 0n)
      .toString(16)
      .padStart(16, '0')}\n`;
  assert.deepEqual(missingRights(status([])), ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_BPF']);
  assert.deepEqual(missingRights(status([12n, 13n, 39n])), []);
  assert.deepEqual(missingRights(status([13n, 21n])), ['CAP_NET_ADMIN']);
});
