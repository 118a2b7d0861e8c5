/** The port budget: a table of machines, loads and what each comes to. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf, portBudget } from '../../coordinator/plan/port-budget.ts';
import type { CloseMode, Engine } from '../../protocol/cell.ts';
import { aMachine, aScenario } from './a-machine.ts';

interface Row {
  readonly what: string;
  readonly lab: 'loopback' | 'namespaces';
  readonly engine?: Engine;
  readonly agents?: number;
  readonly close: CloseMode;
  /** A rate (open loop), or a concurrency written as "64 open". */
  readonly load: number | `${number} open`;
  readonly sources?: number;
  readonly reuse?: number;
  readonly timestamps?: boolean;
  readonly seconds?: number;
  readonly port?: number;
  readonly ports?: readonly [low: number, high: number, reserved?: number];
  readonly wanted: { verdict: string; heldBy: string; needed: number; available: number; says?: RegExp };
}

const rows: readonly Row[] = [
  {
    what: 'Debian on loopback reuses after 1 s: 20,000/s fit one source address',
    lab: 'loopback',
    close: 'client-fin',
    load: 20_000,
    wanted: { verdict: 'enough', heldBy: 'client', needed: 20_000, available: 28_232 },
  },
  {
    what: '30,000/s do not, and two source addresses would do',
    lab: 'loopback',
    close: 'client-fin',
    load: 30_000,
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 30_000,
      available: 28_232,
      says: /^Ports cannot suffice: .*wanted agents\.sourceAddresses: 2\.$/,
    },
  },
  {
    what: 'two source addresses do',
    lab: 'loopback',
    close: 'client-fin',
    load: 30_000,
    sources: 2,
    wanted: { verdict: 'enough', heldBy: 'client', needed: 30_000, available: 56_464 },
  },
  {
    what: 'without reuse a fixed port adds up 60 s: 470/s is the most of one source address',
    lab: 'loopback',
    close: 'client-fin',
    load: 470,
    reuse: 0,
    port: 7000,
    seconds: 5,
    wanted: { verdict: 'enough', heldBy: 'client', needed: 28_200, available: 28_232 },
  },
  {
    what: '471/s is too many',
    lab: 'loopback',
    close: 'client-fin',
    load: 471,
    reuse: 0,
    port: 7000,
    seconds: 5,
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 28_260,
      available: 28_232,
      says: /TIME_WAIT with the client for 60 s \(tcp_tw_reuse 0\)/,
    },
  },
  {
    what: "a port of the server's own for each trial: only one trial of 5 s counts",
    lab: 'loopback',
    close: 'client-fin',
    load: 5_000,
    reuse: 0,
    seconds: 5,
    wanted: { verdict: 'enough', heldBy: 'client', needed: 25_000, available: 28_232 },
  },
  {
    what: 'reuse without timestamps is none',
    lab: 'loopback',
    close: 'client-fin',
    load: 1_000,
    timestamps: false,
    port: 7000,
    seconds: 5,
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 60_000,
      available: 28_232,
      says: /tcp_timestamps 0.*wanted agents\.sourceAddresses: 3/,
    },
  },
  {
    what: 'a reset leaves nothing behind',
    lab: 'loopback',
    close: 'client-rst',
    load: '64 open',
    reuse: 0,
    wanted: { verdict: 'enough', heldBy: 'nobody', needed: 64, available: 28_232 },
  },
  {
    what: 'the server keeps TIME_WAIT: the client needs what is open',
    lab: 'loopback',
    close: 'server-fin',
    load: '64 open',
    reuse: 0,
    wanted: { verdict: 'enough', heldBy: 'server', needed: 64, available: 28_232 },
  },
  {
    what: 'a closed loop on three load cores is assumed to make 120,000/s: a warning, no error',
    lab: 'loopback',
    close: 'client-fin',
    load: '64 open',
    wanted: {
      verdict: 'doubtful',
      heldBy: 'client',
      needed: 120_064,
      available: 28_232,
      says: /^Ports may run out: .*assumed: 40,000 a load core.*sourceAddresses: 5\.$/,
    },
  },
  {
    what: 'more open at a time than there are ports cannot be, assumption or not',
    lab: 'loopback',
    close: 'client-rst',
    load: '40000 open',
    wanted: {
      verdict: 'impossible',
      heldBy: 'nobody',
      needed: 40_000,
      available: 28_232,
      says: /wanted agents\.sourceAddresses: 2/,
    },
  },
  {
    what: 'namespaces of our own have the wide range and reuse, whatever the machine has',
    lab: 'namespaces',
    close: 'client-fin',
    load: 60_000,
    reuse: 0,
    ports: [20_000, 20_019],
    wanted: { verdict: 'enough', heldBy: 'client', needed: 60_000, available: 64_512 },
  },
  {
    what: 'twenty ports: 21 open are one too many',
    lab: 'loopback',
    close: 'client-rst',
    load: '21 open',
    ports: [20_000, 20_019],
    wanted: {
      verdict: 'impossible',
      heldBy: 'nobody',
      needed: 21,
      available: 20,
      says: /wanted agents\.sourceAddresses: 2/,
    },
  },
  {
    what: 'twenty ports, ten of them reserved',
    lab: 'loopback',
    close: 'client-rst',
    load: '10 open',
    ports: [20_000, 20_019, 10],
    wanted: { verdict: 'enough', heldBy: 'nobody', needed: 10, available: 10 },
  },
  {
    what: 'what no number of addresses can give asks for less',
    lab: 'loopback',
    close: 'client-fin',
    load: 50_000,
    ports: [20_000, 20_019],
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 50_000,
      available: 20,
      says: /wanted rate: 20000 with agents\.sourceAddresses: 1000, or close: client-rst/,
    },
  },
  {
    what: 'packet has its own ports and its own second of rest, whatever the kernel has',
    lab: 'namespaces',
    engine: 'packet',
    close: 'client-fin',
    load: 64_000,
    reuse: 0,
    timestamps: false,
    ports: [20_000, 20_019],
    port: 7000,
    wanted: {
      verdict: 'enough',
      heldBy: 'client',
      needed: 64_000,
      available: 64_512,
      says: /for 1 s \(the packet engine's own rest\)/,
    },
  },
  {
    what: 'packet at 200,000/s from one address asks for four',
    lab: 'namespaces',
    engine: 'packet',
    close: 'client-fin',
    load: 200_000,
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 200_000,
      available: 64_512,
      says: /wanted agents\.sourceAddresses: 4\.$/,
    },
  },
  {
    what: 'packet in a closed loop: one load core an agent, faster than kernel sockets',
    lab: 'namespaces',
    engine: 'packet',
    agents: 2,
    sources: 4,
    close: 'client-fin',
    load: '64 open',
    wanted: {
      verdict: 'doubtful',
      heldBy: 'client',
      needed: 600_064,
      available: 516_096,
      says: /assumed: 300,000 a load core.*sourceAddresses: 5\.$/,
    },
  },
  {
    what: 'packet whose server closes needs what is open, and its server takes a newer SYN',
    lab: 'namespaces',
    engine: 'packet',
    close: 'server-fin',
    load: '1024 open',
    wanted: { verdict: 'enough', heldBy: 'server', needed: 1024, available: 64_512 },
  },
  {
    what: 'k6 with one source address leaves it to the kernel, which lets ports go after 1 s',
    lab: 'loopback',
    engine: 'k6',
    agents: 2,
    close: 'client-fin',
    load: 20_000,
    wanted: { verdict: 'enough', heldBy: 'client', needed: 20_000, available: 28_232 },
  },
  {
    what: 'k6 with several binds them, and trials add up for 60 s',
    lab: 'namespaces',
    engine: 'k6',
    close: 'client-fin',
    load: 3_000,
    sources: 2,
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 180_000,
      available: 129_024,
      says: /for 60 s \(k6 binds its source addresses.*wanted agents\.sourceAddresses: 3\.$/,
    },
  },
  {
    what: 'k6 that has too few with one asks for as many as it will bind',
    lab: 'loopback',
    engine: 'k6',
    close: 'client-fin',
    load: 30_000,
    wanted: {
      verdict: 'impossible',
      heldBy: 'client',
      needed: 30_000,
      available: 28_232,
      says: /wanted agents\.sourceAddresses: 64\.$/,
    },
  },
  {
    what: 'k6 whose server closes needs what is open',
    lab: 'loopback',
    engine: 'k6',
    close: 'server-fin',
    load: '256 open',
    sources: 4,
    wanted: { verdict: 'enough', heldBy: 'server', needed: 256, available: 112_928 },
  },
];

for (const row of rows) {
  test(`portBudget(): ${row.what}`, () => {
    const [low, high, reserved = 0] = row.ports ?? [32_768, 60_999];
    const machine = aMachine({
      timeWaitReuse: row.reuse ?? 2,
      timestamps: row.timestamps ?? true,
      ports: { low, high, reserved },
    });
    const load =
      typeof row.load === 'number'
        ? { rate: row.load, concurrency: null }
        : { rate: null, concurrency: Number.parseInt(row.load, 10) };
    const scenario = aScenario({
      port: row.port ?? 0,
      warmUpSeconds: 0,
      measuredSeconds: row.seconds ?? 5,
      agents: { count: row.agents ?? 1, sourceAddresses: row.sources ?? 1 },
    });
    const budget = portBudget(
      { close: row.close, ...load },
      scenario,
      networkOf(row.lab, scenario, machine, 3, row.engine ?? 'socket'),
    );
    const { verdict, heldBy, needed, available } = budget;
    const { says, ...figures } = row.wanted;
    assert.deepEqual({ verdict, heldBy, needed, available }, figures, budget.says);
    if (says !== undefined) assert.match(budget.says, says);
  });
}

test('portBudget() asks for a change that, once made, is enough', () => {
  const machine = aMachine();
  for (const rate of [29_000, 100_000, 1_000_000]) {
    const first = aScenario({ factors: { rate } });
    const asked = portBudget(
      { close: 'client-fin', rate, concurrency: null },
      first,
      networkOf('loopback', first, machine, 3, 'socket'),
    );
    const sources = Number(/sourceAddresses: (\d+)/.exec(asked.says)?.[1]);
    const second = aScenario({ factors: { rate }, agents: { sourceAddresses: sources } });
    const given = portBudget(
      { close: 'client-fin', rate, concurrency: null },
      second,
      networkOf('loopback', second, machine, 3, 'socket'),
    );
    assert.equal(given.verdict, 'enough', given.says);
    const less = aScenario({ factors: { rate }, agents: { sourceAddresses: sources - 1 } });
    const short = portBudget(
      { close: 'client-fin', rate, concurrency: null },
      less,
      networkOf('loopback', less, machine, 3, 'socket'),
    );
    assert.equal(short.verdict, 'impossible', 'it was not the smallest change');
  }
});
