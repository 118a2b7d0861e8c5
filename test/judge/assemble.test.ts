/** One trial's record from what its members measured: sums, merges, audit, and reasons for what is null. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleTrial, type TrialParts } from '../../coordinator/assemble.ts';
import { parseTrialHistograms, trialHistogramsSchema } from '../../coordinator/histogram-file.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import type { LoadCounts, LoadResult, ServerResult } from '../../protocol/messages.ts';
import { type FailureCause, failureCauses, trialRecordSchema } from '../../protocol/trial-record.ts';

const encoded = (...milliseconds: readonly number[]): string => {
  const histogram = new LatencyHistogram();
  for (const one of milliseconds) histogram.record(one * 1e6);
  return histogram.encode();
};

const failed = (causes: Partial<Record<FailureCause, number>> = {}) =>
  Object.fromEntries(failureCauses.map((cause) => [cause, causes[cause] ?? 0])) as Record<
    FailureCause,
    number
  >;

const counts = (completed: number, causes: Partial<Record<FailureCause, number>> = {}): LoadCounts => {
  const failures = Object.values(causes).reduce((sum, count) => sum + count, 0);
  return { attempted: completed + failures, completed, failed: failed(causes), missed: 0 };
};

function load(change: Partial<LoadResult> = {}): LoadResult {
  return {
    counts: counts(10_000),
    completedMeanwhile: change.counts?.completed ?? 10_000,
    lifetime: counts(14_000),
    measuredSeconds: 5,
    histograms: { connect: encoded(1), firstByte: encoded(2), total: encoded(3) },
    cores: [{ core: 1, user: 0.05, system: 0.3, softirq: 0.15, idle: 0.5 }],
    backend: 'io_uring',
    notes: {},
    ...change,
  };
}

function server(change: Partial<ServerResult> = {}): ServerResult {
  return {
    measuredSeconds: 5,
    cores: [
      { core: 2, user: 0.1, system: 0.3, softirq: 0.1, idle: 0.5, accepted: 15_000 },
      { core: 3, user: 0.05, system: 0.2, softirq: 0.05, idle: 0.7, accepted: 5_000 },
    ],
    accepted: 20_000,
    lifetimeAccepted: 28_000,
    listenOverflows: 2,
    listenDrops: 2,
    locality: 0.5,
    cacheMisses: 2_000_000,
    accept: encoded(0.5),
    notes: {},
    ...change,
  };
}

function parts(change: Partial<TrialParts> = {}): TrialParts {
  return {
    trial: 'b01-c01',
    block: 1,
    attempt: 2,
    cell: {
      variant: 'reuseport',
      cores: 2,
      engine: 'socket',
      messages: 1,
      requestBytes: 64,
      responseBytes: 64,
      close: 'client-fin',
      concurrency: 64,
      rate: null,
    },
    startedAt: '2025-11-21T00:00:00.000Z',
    loads: [load(), load({ histograms: { connect: encoded(3), firstByte: encoded(4), total: encoded(9) } })],
    server: server(),
    ...change,
  };
}

test('assembleTrial() sums counts and rates over agents, and merges their histograms', () => {
  const { record, histograms } = assembleTrial(parts());
  assert.deepEqual(trialRecordSchema.parse(record), record);
  assert.equal(record.connections.completed, 20_000);
  assert.equal(record.connectionsPerSecond, 4_000);
  assert.equal(record.latencySeconds.total?.count, 2);
  assert.ok(Math.abs((record.latencySeconds.total?.max ?? 0) - 9e-3) < 1e-5);
  const read = parseTrialHistograms(trialHistogramsSchema.parse(JSON.parse(JSON.stringify(histograms))));
  assert.deepEqual(read.total?.summary(), record.latencySeconds.total);
  assert.deepEqual(read.accept?.summary(), record.latencySeconds.accept);
});

test('assembleTrial() divides the busy time of the server, softirq included, by the connections', () => {
  // 0.5 + 0.3 cores busy, 4,000 connections a second: 200 µs each.
  const { server: measured } = assembleTrial(parts()).record;
  assert.ok(Math.abs((measured.cpuMicrosecondsPerConnection ?? 0) - 200) < 1e-9);
  assert.equal(measured.acceptFairness, 0.8);
});

test('assembleTrial() of an open loop that outran its server counts what was done meanwhile, not what was due', () => {
  const behind = load({ counts: counts(11_000), completedMeanwhile: 10_000, lifetime: counts(14_000) });
  const cell = { ...parts().cell, concurrency: null, rate: 4_400 };
  const { record } = assembleTrial(parts({ cell, loads: [behind, behind] }));
  assert.equal(record.connections.completed, 22_000);
  assert.equal(record.connectionsPerSecond, 4_000);
  assert.ok(Math.abs((record.server.cpuMicrosecondsPerConnection ?? 0) - 200) < 1e-9);
  assert.match(
    record.notes.connectionsPerSecond,
    /^20000 connections completed .* due in it, 22000 completed/,
  );
});

test('assembleTrial() of an open loop counts no backlog of the warm-up, but what it cost', () => {
  // As measured: 7,532 due in 1.5 s, 8,960 completed in it. 0.8 cores busy over 5,973 a second.
  const after = load({ counts: counts(7_532), completedMeanwhile: 8_960, measuredSeconds: 1.5 });
  const cell = { ...parts().cell, concurrency: null, rate: 5_000 };
  const { record } = assembleTrial(parts({ cell, loads: [after] }));
  assert.equal(record.connectionsPerSecond, 7_532 / 1.5);
  const cost = record.server.cpuMicrosecondsPerConnection ?? 0;
  assert.ok(Math.abs(cost - 0.8e6 / (8_960 / 1.5)) < 1e-9, `${cost} µs`);
  assert.equal(
    record.notes.connectionsPerSecond,
    '8960 connections completed during the measured time, more than the 7532 that were due in it: a backlog of the ' +
      'warm-up was worked off; 7532 count',
  );
});

test('assembleTrial() of an open loop lets one agent not make up for what another had left from its warm-up', () => {
  const ahead = load({ counts: counts(10_000), completedMeanwhile: 12_000 });
  const behind = load({ counts: counts(10_000), completedMeanwhile: 8_000 });
  const cell = { ...parts().cell, concurrency: null, rate: 4_000 };
  const { record } = assembleTrial(parts({ cell, loads: [ahead, behind] }));
  assert.equal(record.connectionsPerSecond, 3_600);
});

test('assembleTrial() of a closed loop counts all that completed', () => {
  const { record } = assembleTrial(
    parts({ loads: [load({ counts: counts(10_000), completedMeanwhile: 10_000 })] }),
  );
  assert.equal(record.connectionsPerSecond, 2_000);
  assert.equal(record.notes.connectionsPerSecond, undefined);
});

test('assembleTrial() takes the least idle load core for the headroom, and says what limited', () => {
  const busy = load({ cores: [{ core: 0, user: 0.2, system: 0.5, softirq: 0.2, idle: 0.1 }] });
  const { record } = assembleTrial(parts({ loads: [load(), busy] }));
  assert.equal(record.generator.headroom, 0.1);
  assert.equal(record.limitedBy, 'generator');
  assert.match(record.notes.limitedBy, /load core 0 was only 10.0 % idle/);
});

test('assembleTrial() gives cache misses a connection that completed meanwhile', () => {
  const { record } = assembleTrial(parts());
  // 2,000,000 in 5 s, at the rate of both agents together.
  const perSecond = record.connections.completed / 5;
  assert.ok(Math.abs((record.server.cacheMissesPerConnection ?? 0) / (400_000 / perSecond) - 1) < 0.01);
  assert.equal(record.notes['server.cacheMissesPerConnection'], undefined);
});

test('assembleTrial() gives every null its reason', () => {
  const silent = server({
    cores: null,
    accepted: null,
    lifetimeAccepted: null,
    listenOverflows: null,
    listenDrops: null,
    locality: null,
    cacheMisses: null,
    accept: null,
    notes: { accept: 'nginx does not tell', 'server.locality': 'no BPF here' },
  });
  const { record } = assembleTrial(
    parts({ loads: [load({ cores: null, notes: { cores: 'no /proc' } })], server: silent }),
  );
  assert.deepEqual(record.notes, {
    limitedBy: 'core times of one side are not known',
    connections: 'not audited: the server does not count its accepts',
    'server.cores': 'the server did not report it',
    'server.cpuMicrosecondsPerConnection': 'core times of the server are not known',
    'server.acceptFairness': 'the server does not count accepts by core',
    'server.listenOverflows': 'the server did not report it',
    'server.listenDrops': 'the server did not report it',
    'server.locality': 'no BPF here',
    'server.cacheMissesPerConnection': 'the server did not report it',
    'generator.cores': 'no /proc',
    'generator.headroom': 'an agent did not report its core times',
    'latencySeconds.accept': 'nginx does not tell',
  });
});

test('assembleTrial() of a trial in which nothing completed has no cost and no percentiles, and not 0', () => {
  const nothing = load({
    counts: counts(0, { refused: 500 }),
    lifetime: counts(0, { refused: 700 }),
    histograms: { connect: encoded(), firstByte: encoded(), total: encoded() },
  });
  const { record } = assembleTrial(
    parts({ loads: [nothing], server: server({ lifetimeAccepted: 0, accept: null }) }),
  );
  assert.equal(record.server.cpuMicrosecondsPerConnection, null);
  assert.equal(record.notes['server.cpuMicrosecondsPerConnection'], 'no connection completed');
  assert.equal(record.latencySeconds.total?.p99, null);
  assert.equal(record.notes['latencySeconds.total'], 'no connection got that far');
  assert.equal(record.connections.failed.refused, 500);
});

test('assembleTrial() audits the server against the agents: 0.1 % is a note, 1 % voids the figures', () => {
  const limitedBy = (lifetimeAccepted: number) => {
    const { record } = assembleTrial(parts({ server: server({ lifetimeAccepted }) }));
    return [record.limitedBy, record.notes.connections];
  };
  assert.deepEqual(limitedBy(28_000), ['undetermined', undefined]);
  assert.deepEqual(limitedBy(28_016), ['undetermined', undefined]);
  const said =
    "the server accepted 28100 connections; by the agents' counts it must have been 28000 to 28000";
  assert.deepEqual(limitedBy(28_100), ['undetermined', said]);
  assert.equal(limitedBy(27_000)[0], 'control');
  assert.equal(limitedBy(56_000)[0], 'control');
});

test('assembleTrial() lets the server have accepted what then failed, and not what was refused', () => {
  const broken = load({ lifetime: counts(14_000, { timedOut: 300, refused: 500 }) });
  const of = (lifetimeAccepted: number) =>
    assembleTrial(parts({ loads: [broken], server: server({ lifetimeAccepted }) })).record.notes.connections;
  assert.equal(of(14_000), undefined);
  assert.equal(of(14_300), undefined);
  assert.match(of(14_800) ?? '', /must have been 14000 to 14300/);
});

test('assembleTrial() keeps what the control plane has to say, and tells agents apart', () => {
  const { record } = assembleTrial(
    parts({
      loads: [load({ notes: { backend: 'fell back' } }), load({ backend: 'epoll' })],
      notes: { reports: '3 of 9 one-second reports were lost on the way' },
    }),
  );
  assert.equal(record.notes.reports, '3 of 9 one-second reports were lost on the way');
  assert.equal(record.notes['generator.backend'], 'agent 1: fell back');
  assert.equal(record.generator.backend, 'io_uring; epoll');
});

test('assembleTrial() refuses a trial without load, and a damaged histogram', () => {
  assert.throws(() => assembleTrial(parts({ loads: [] })), /no agent's result; wanted one/);
  assert.throws(
    () => assembleTrial(parts({ server: server({ accept: 'AAAA' }) })),
    /Cannot decode a histogram/,
  );
});
