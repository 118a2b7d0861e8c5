/**
 * The machines of the papers, one visible table.
 *
 * Clock, sockets and caches are the makers' figures. Latencies are what micro-benchmarks of these processors report, in cycles
 * of the core's clock (for Nehalem Molka et al., PACT 2009; for the others within the range that is reported, not of one table),
 * but for those that are calibrated:
 *   one-core costs, on the 1-core points of MegaPipe Figure 1c, mTCP Figures 7a and 8, Fastsocket Figure 4. What the base
 *   kernel of e5-2697v2 costs is what Linux costs on e5-2690, cycle for cycle, and the rest of its one-core point nginx; its other
 *   two kernels follow from theirs;
 *   x5560 `otherSocket`, on 1 transaction at 5 cores, and `pollerCycles`, on that point and 8 cores in Table 3;
 *   e5-2690 `http`, on the application's share under Linux 2.6 in mTCP Figure 1;
 *   amd48 one-core costs and `movedLines`, on the row of Fine in Table 2 of Affinity-Accept;
 *   amd48 `pollerCycles`, the c that OLS'12 names for such a machine, on the 0.4 % curve.
 * Chosen beyond the papers' list of points, which claims mark as calibrated on, too:
 *   e5-2697v2 `otherSocket`, within what is reported, at Fastsocket and ÷ base on 24 cores;
 *   amd48: how the cost divides between connection and request, and `wakeCycles`, at the throughput of Stock.
 */

import type { MachineInput } from './machine.ts';

const x5560: MachineInput = {
  name: 'x5560',
  about: '2 × Xeon X5560, 82599 10 GbE, Linux 3.1.3: the test bed of MegaPipe (OSDI 2012)',
  sockets: 2,
  coresPerSocket: 4,
  clockGHz: 2.8,
  protocol: 'mesi',
  privateCacheKiB: 256,
  sharedCacheKiB: 8192,
  latencyCycles: {
    l1: 4,
    l2: 10,
    l3: 38,
    otherCore: 75,
    otherSocket: [218],
    memory: 182,
    remoteMemory: [297],
  },
  pollerCycles: 30,
  singleCore: {
    kernel: { connection: 37_350, transaction: 13_560 },
    megapipe: { connection: 26_700, transaction: 10_300 },
  },
};

const e52690: MachineInput = {
  name: 'e5-2690',
  about: '1 × Xeon E5-2690, 82599 10 GbE, Linux 3.10.12: the test bed of mTCP (NSDI 2014)',
  sockets: 1,
  coresPerSocket: 8,
  clockGHz: 2.9,
  protocol: 'mesi',
  privateCacheKiB: 256,
  sharedCacheKiB: 20_480,
  latencyCycles: {
    l1: 4,
    l2: 12,
    l3: 44,
    otherCore: 113,
    otherSocket: [300],
    memory: 205,
    remoteMemory: [330],
  },
  singleCore: {
    kernel: { connection: 16_570, transaction: 14_380 },
    reuseport: { connection: 16_570, transaction: 15_090 },
    megapipe: { connection: 17_560, transaction: 14_380 },
    userLevel: { connection: 3_870, transaction: 5_295 },
  },
  application: { rpc: 1_000, http: 6_400 },
};

const e52697v2: MachineInput = {
  name: 'e5-2697v2',
  about:
    '2 × Xeon E5-2697 v2, 82599 10 GbE, CentOS 2.6.32 and Linux 3.13: the test bed of Fastsocket (ASPLOS 2016)',
  sockets: 2,
  coresPerSocket: 12,
  clockGHz: 2.7,
  protocol: 'mesi',
  privateCacheKiB: 256,
  sharedCacheKiB: 30_720,
  latencyCycles: {
    l1: 4,
    l2: 12,
    l3: 45,
    otherCore: 105,
    otherSocket: [285],
    memory: 200,
    remoteMemory: [330],
  },
  singleCore: {
    kernel: { connection: 16_570, transaction: 14_380 },
    reuseport: { connection: 16_570, transaction: 18_680 },
    fastsocket: { connection: 14_900, transaction: 13_050 },
  },
  application: { rpc: 1_000, http: 88_450 },
  workers: 'processes',
};

/** Six-core dies, eight of them: at most three hops apart. */
const amd48: MachineInput = {
  name: 'amd48',
  about: '48-core AMD Opteron, kernel with lock statistics: the test bed of Affinity-Accept (EuroSys 2012)',
  sockets: 8,
  coresPerSocket: 6,
  clockGHz: 2.4,
  protocol: 'moesi',
  privateCacheKiB: 512,
  sharedCacheKiB: 6144,
  latencyCycles: {
    l1: 3,
    l2: 14,
    l3: 28,
    otherCore: 120,
    otherSocket: [460],
    memory: 120,
    remoteMemory: [500],
  },
  pollerCycles: 1_000,
  wakeCycles: 30_000,
  singleCore: { kernel: { connection: 385_000, transaction: 47_700 } },
  application: { rpc: 1_000, http: 202_000 },
  workers: 'processes',
  movedLines: { held: 44, other: 105 },
};

export const beds: Readonly<Record<string, MachineInput>> = {
  x5560,
  'e5-2690': e52690,
  'e5-2697v2': e52697v2,
  amd48,
};
