import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CoreSeconds, MemberMetrics } from '../../exporter/member-metrics.ts';
import { metricsBy } from '../../exporter/metrics.ts';
import { MetricRegistry } from '../../exporter/registry.ts';
import { type FailedByCause, failureCauses } from '../../protocol/trial-record.ts';
import { valueIn, valuesIn } from './exposition.ts';

function aMember(role: 'agent' | 'server') {
  const registry = new MetricRegistry(metricsBy(role));
  const machine = {
    nowMs: 0,
    cores: [{ core: 3, user: 10, system: 5, softirq: 1, idle: 100 }] as CoreSeconds[],
  };
  const metrics = new MemberMetrics(registry, {
    member: `${role}-1`,
    role,
    leaseMs: 6_000,
    cores: () => machine.cores,
    nowMs: () => machine.nowMs,
  });
  return { machine, metrics, text: () => registry.text() };
}

function counts(completed: number, reset = 0, missed = 0) {
  const failed = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as FailedByCause;
  return { completed, missed, failed: { ...failed, reset } };
}

test('a member is not well before it has joined, nor once its lease has run out', async () => {
  const { machine, metrics, text } = aMember('agent');
  assert.equal(metrics.trouble(), 'it has not joined yet');
  assert.deepEqual(valuesIn(await text(), 'stampede_member_lease_age_seconds'), []);
  metrics.renewed();
  machine.nowMs += 6_000;
  assert.equal(metrics.trouble(), null);
  assert.deepEqual(valuesIn(await text(), 'stampede_member_lease_age_seconds'), [6]);
  machine.nowMs += 1_000;
  assert.equal(metrics.trouble(), 'its lease was last renewed 7 s ago');
  metrics.renewed();
  assert.equal(metrics.trouble(), null);
});

test('an agent’s connections are read at the scrape, and added up over attempts', async () => {
  const { metrics, text } = aMember('agent');
  const completed = async () =>
    valueIn(await text(), 'stampede_agent_connections_total', { outcome: 'completed' });
  assert.equal(await completed(), 0);
  let first = counts(0);
  metrics.load(() => first);
  first = counts(100, 2);
  assert.equal(await completed(), 100);
  first = counts(250, 2, 7);
  // What came after the last scrape is not lost when the attempt ends.
  metrics.load(null);
  first = counts(9_999);
  assert.equal(await completed(), 250);
  metrics.load(() => counts(40, 1));
  const now = await text();
  const of = (outcome: string) => valueIn(now, 'stampede_agent_connections_total', { outcome });
  assert.deepEqual([of('completed'), of('reset'), of('missed'), of('refused')], [290, 3, 7, 0]);
});

test('a server’s accepts are read by core, also of one process after the other', async () => {
  const { metrics, text } = aMember('server');
  metrics.accepts(
    () =>
      new Map([
        [3, 50],
        [4, 20],
      ]),
  );
  metrics.accepts(null);
  metrics.accepts(() => new Map([[3, 5]]));
  const now = await text();
  assert.equal(valueIn(now, 'stampede_server_accepts_total', { core: '3' }), 55);
  assert.equal(valueIn(now, 'stampede_server_accepts_total', { core: '4' }), 20);
});

test('stages are one of them, attempts are counted by how they ended', async () => {
  const { metrics, text } = aMember('agent');
  const stage = async () => {
    const now = await text();
    return ['idle', 'prepare', 'warm-up', 'measure', 'finish'].filter(
      (one) => valueIn(now, 'stampede_member_stage', { stage: one }) === 1,
    );
  };
  assert.deepEqual(await stage(), ['idle']);
  metrics.at('measure');
  assert.deepEqual(await stage(), ['measure']);
  metrics.ended('failed');
  const attempts = (outcome: string, now: string) =>
    valueIn(now, 'stampede_member_attempts_total', { attempt_outcome: outcome });
  const now = await text();
  assert.deepEqual([attempts('done', now), attempts('failed', now)], [0, 1]);
});

test('core seconds are those of the machine, and never run back', async () => {
  const { machine, text } = aMember('server');
  const idle = async () =>
    valueIn(await text(), 'stampede_member_core_seconds_total', { core: '3', mode: 'idle' });
  assert.equal(await idle(), 100);
  machine.cores = [{ core: 3, user: 10, system: 5, softirq: 1, idle: 99.98 }];
  assert.equal(await idle(), 100);
  machine.cores = [{ core: 3, user: 11, system: 5, softirq: 1, idle: 101.5 }];
  assert.equal(await idle(), 101.5);
});
