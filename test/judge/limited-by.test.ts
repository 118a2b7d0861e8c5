/** What held a trial back: each rule, and their order, as a table. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bottleneck, type Evidence } from '../../coordinator/judge/limited-by.ts';
import type { Cell } from '../../protocol/cell.ts';
import type { CoreTimes, FailureCause, LimitedBy } from '../../protocol/trial-record.ts';
import { failureCauses } from '../../protocol/trial-record.ts';

const closedLoop: Cell = {
  variant: 'reuseport',
  cores: 1,
  engine: 'socket',
  messages: 1,
  requestBytes: 64,
  responseBytes: 64,
  close: 'client-fin',
  concurrency: 64,
  rate: null,
};
const openLoop: Cell = { ...closedLoop, concurrency: null, rate: 10_000 };

const failed = (causes: Partial<Record<FailureCause, number>> = {}) =>
  Object.fromEntries(failureCauses.map((cause) => [cause, causes[cause] ?? 0])) as Record<
    FailureCause,
    number
  >;

const cores = (...idle: readonly number[]): CoreTimes[] =>
  idle.map((share, core) => ({ core, user: 0, system: 1 - share, softirq: 0, idle: share }));

const quiet: Evidence = {
  cell: closedLoop,
  counts: { attempted: 50_000, completed: 50_000, failed: failed(), missed: 0 },
  startsPerSecond: 10_000,
  loadCores: cores(0.5, 0.6),
  serverCores: cores(0.3, 0.4),
  disagreement: 0,
};

const table: readonly (readonly [string, Partial<Evidence>, LimitedBy, RegExp])[] = [
  ['both sides have time to spare', {}, 'undetermined', /both sides had idle time/],
  [
    'a load core has 19 % idle',
    { loadCores: cores(0.6, 0.19) },
    'generator',
    /load core 1 was only 19.0 % idle/,
  ],
  ['a load core has 20 % idle', { loadCores: cores(0.6, 0.2) }, 'undetermined', /idle time/],
  [
    'a server core is full, load is not',
    { serverCores: cores(0.3, 0.04) },
    'server',
    /server core 1 was 4.0 % idle/,
  ],
  [
    'both are full: they hide each other',
    { serverCores: cores(0.01), loadCores: cores(0.1) },
    'generator',
    /load core 0/,
  ],
  [
    'ports ran out, even beside a full server',
    {
      serverCores: cores(0.01),
      counts: { ...quiet.counts, attempted: 50_007, failed: failed({ noPort: 7 }) },
    },
    'generator',
    /7 connections found no port/,
  ],
  [
    'descriptors ran out',
    { counts: { ...quiet.counts, failed: failed({ noDescriptor: 3 }) } },
    'generator',
    /3 found no descriptor/,
  ],
  [
    'an open loop missed 2 % of its starts',
    { cell: openLoop, counts: { ...quiet.counts, attempted: 49_000, missed: 1_000 } },
    'generator',
    /2.0 % of the starts that fell due were missed/,
  ],
  [
    'an open loop missed starts because the server was full',
    {
      cell: openLoop,
      counts: { ...quiet.counts, attempted: 40_000, missed: 10_000 },
      serverCores: cores(0.01),
    },
    'server',
    /server core 0/,
  ],
  ['an open loop was 2 % slow', { cell: openLoop, startsPerSecond: 9_800 }, 'generator', /off by 2.0 %/],
  [
    'an open loop of 400 arrivals strayed by chance',
    { cell: openLoop, startsPerSecond: 9_800, counts: { ...quiet.counts, attempted: 400, completed: 400 } },
    'undetermined',
    /idle time/,
  ],
  [
    'connections time out while both sides wait',
    { counts: { ...quiet.counts, completed: 49_000, failed: failed({ timedOut: 1_000 }) } },
    'network',
    /2.0 % of the connections timed out/,
  ],
  [
    'most failures are resets, not timeouts',
    { counts: { ...quiet.counts, failed: failed({ timedOut: 1_000, reset: 2_000 }) } },
    'undetermined',
    /idle time/,
  ],
  [
    'the two sides differ by 2 %',
    { disagreement: 0.02, loadCores: cores(0.1) },
    'control',
    /differ by 2.0 %/,
  ],
  ['the two sides differ by 0.5 %', { disagreement: 0.005 }, 'undetermined', /idle time/],
  ['load cores are not known', { loadCores: null }, 'undetermined', /not known/],
  [
    'server cores are not known, load is full',
    { serverCores: null, loadCores: cores(0.1) },
    'generator',
    /load core/,
  ],
];

for (const [name, change, limitedBy, reason] of table) {
  test(`bottleneck() is "${limitedBy}" when ${name}`, () => {
    const found = bottleneck({ ...quiet, ...change });
    assert.equal(found.limitedBy, limitedBy);
    assert.match(found.reason, reason);
  });
}
