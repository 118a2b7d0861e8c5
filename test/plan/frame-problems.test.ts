/** Plans with variants that take frames below the kernel's TCP: where they cannot, and why. */

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

test('planRun() says that user-level cannot serve on loopback, and what to do', () => {
  const { problems } = planRun(withUserLevel('loopback', 'user-level:af-packet'), aMachine());
  assert.match(
    problems.join(),
    /^Cannot serve user-level:af-packet in the lab "loopback": .*never becomes a frame.*--lab namespaces/,
  );
  const unable = aMachine({ namespacesRefused: 'not permitted' });
  assert.equal(planRun(withUserLevel('auto'), unable).problems.length, 1);
});

test('planRun() names the rights that are missing', () => {
  const machine = aMachine({ missingRights: ['CAP_BPF'] });
  assert.match(
    planRun(withUserLevel('namespaces', 'user-level:af-xdp'), machine).problems.join(),
    /^Cannot serve user-level:af-xdp: this process has no CAP_BPF; wanted CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF/,
  );
});

test('planRun() does not judge a cluster, and not a run without user-level', () => {
  const none = aMachine({ missingRights: ['CAP_NET_RAW'] });
  const cluster = {
    ...withUserLevel('namespaces'),
    lab: 'cluster' as const,
  };
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
