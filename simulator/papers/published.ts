/**
 * What the papers published, as numbers: the curves and tables that the simulator is calibrated on or checked against.
 *
 * Grade A: as printed in the paper; B: digitised from a vector figure, ±0.5 % of full scale; C: read from a bitmap, ±2 %.
 * Figures remembered but found in no source are not here. The engine never reads this file: only claims and their page do.
 */

export type Grade = 'A' | 'B' | 'C';

export interface PublishedSeries {
  readonly source: string;
  readonly grade: Grade;
  readonly hardware: string;
  readonly xName: string;
  readonly x: readonly (number | string)[];
  readonly unit: string;
  /** By name: a value for each of `x`. */
  readonly series: Readonly<Record<string, readonly number[]>>;
}

export const published = {
  'affinity.table2': {
    source: "Affinity-Accept EuroSys'12 Table 2",
    grade: 'A',
    hardware: '48-core AMD, lock_stat kernel, Apache',
    xName: 'design',
    x: ['stock', 'fine', 'affinity'],
    unit: 'mixed',
    series: {
      req_per_s_per_core: [1700, 5700, 7000],
      total_us: [590, 178, 144],
      idle_us: [320, 8, 4],
      lock_wait_us: [82, 0, 0],
      lock_hold_us: [25, 30, 17],
      other_us: [163, 140, 123],
    },
  },
  'megapipe.fig1a': {
    source: "MegaPipe OSDI'12 Fig 1a",
    grade: 'B',
    hardware: '2x Xeon X5560 (8 cores, 2.80 GHz), 82599 10GbE, Linux 3.1.3',
    xName: 'transactions/connection',
    x: [1, 2, 4, 8, 16, 32, 64, 128],
    unit: 'Mtrans/s',
    series: {
      baseline: [0.072, 0.138, 0.253, 0.561, 0.904, 1.078, 1.239, 1.366],
      megapipe: [0.49, 0.774, 1.099, 1.402, 1.631, 1.756, 1.797, 1.757],
    },
  },
  'megapipe.fig1c': {
    source: "MegaPipe OSDI'12 Fig 1c",
    grade: 'B',
    hardware: '2x Xeon X5560 (8 cores, 2.80 GHz), 82599 10GbE, Linux 3.1.3',
    xName: 'cores',
    x: [1, 2, 3, 4, 5, 6, 7, 8],
    unit: 'Mtrans/s',
    series: {
      baseline: [0.158, 0.288, 0.424, 0.549, 0.581, 0.622, 0.682, 0.726],
      megapipe: [0.223, 0.433, 0.617, 0.809, 0.976, 1.144, 1.316, 1.476],
    },
  },
  'megapipe.fig3a': {
    source: "MegaPipe OSDI'12 Fig 3a (baseline)",
    grade: 'B',
    hardware: '2x Xeon X5560 (8 cores, 2.80 GHz), 82599 10GbE, Linux 3.1.3',
    xName: 'cores',
    x: [1, 2, 3, 4, 5, 6, 7, 8],
    unit: 'speedup',
    series: {
      1: [1, 1.71, 2.12, 2.13, 1.31, 1.3, 1.3, 1.31],
      8: [1, 1.84, 2.63, 3.38, 3.43, 3.67, 3.93, 3.66],
      128: [1, 1.85, 2.75, 3.61, 4.3, 5.1, 5.99, 6.72],
    },
  },
  'megapipe.fig3b.8cores': {
    source: "MegaPipe OSDI'12 Fig 3b",
    grade: 'B',
    hardware: '2x Xeon X5560 (8 cores, 2.80 GHz), 82599 10GbE, Linux 3.1.3',
    xName: 'transactions/connection',
    x: [1, 2, 4, 8, 16, 32, 64, 128],
    unit: 'speedup at 8 cores',
    series: {
      megapipe: [6.37, 6.67, 6.67, 6.92, 6.88, 6.91, 7.06, 6.52],
    },
  },
  'megapipe.fig3b.1trans': {
    source: "MegaPipe OSDI'12 Fig 3b",
    grade: 'B',
    hardware: '2x Xeon X5560 (8 cores, 2.80 GHz), 82599 10GbE, Linux 3.1.3',
    xName: 'cores',
    x: [1, 2, 3, 4, 5, 6, 7, 8],
    unit: 'speedup',
    series: {
      megapipe: [1, 1.88, 2.71, 3.55, 4.26, 4.94, 5.6, 6.37],
    },
  },
  'megapipe.table3': {
    source: "MegaPipe OSDI'12 Table 3",
    grade: 'A',
    hardware: '2x Xeon X5560 (8 cores, 2.80 GHz), 82599 10GbE, Linux 3.1.3',
    xName: 'transactions/connection',
    x: [1, 8, 128],
    unit: '% over baseline, accumulated',
    series: {
      P: [211.6, 83.5, 8.8],
      B: [18.8, 44.6, 19.8],
      L: [352.1, 22.0, 0.1],
      total: [582.4, 150.1, 28.7],
    },
  },
  'mtcp.fig7a': {
    source: "mTCP NSDI'14 Fig 7a",
    grade: 'B',
    hardware:
      '1x Xeon E5-2690 (8 cores, 2.90 GHz), 82599 10GbE; Linux 3.10.12 / MegaPipe on 3.1.3 / mTCP on 2.6.32',
    xName: 'cores',
    x: [1, 2, 4, 8],
    unit: '1e5 msg/s',
    series: {
      linux: [0.937, 1.392, 1.346, 0.596],
      reuseport: [0.916, 1.557, 2.407, 2.852],
      megapipe: [0.908, 1.528, 2.728, 5.421],
      mtcp: [3.164, 4.683, 7.659, 14.898],
    },
  },
  'mtcp.fig8': {
    source: "mTCP NSDI'14 Fig 8 (accept only)",
    grade: 'B',
    hardware:
      '1x Xeon E5-2690 (8 cores, 2.90 GHz), 82599 10GbE; Linux 3.10.12 / MegaPipe on 3.1.3 / mTCP on 2.6.32',
    xName: 'cores',
    x: [1, 2, 4, 6, 8],
    unit: '1e5 conn/s',
    series: {
      linux: [1.75, 2.25, 0.67, 0.67, 0.67],
      reuseport: [1.75, 2.63, 3.91, 3.71, 2.41],
      mtcp: [7.49, 12.38, 22.24, 23.65, 29.28],
    },
  },
  'mtcp.fig1': {
    source: "mTCP NSDI'14 Fig 1",
    grade: 'B',
    hardware:
      '1x Xeon E5-2690 (8 cores, 2.90 GHz), 82599 10GbE; Linux 3.10.12 / MegaPipe on 3.1.3 / mTCP on 2.6.32',
    xName: 'system',
    x: ['linux-2.6', 'linux-3.10', 'megapipe', 'mtcp'],
    unit: '% CPU',
    series: {
      kernel: [48.5, 45.2, 37.6, 28.9],
      packet_io: [4.0, 4.5, 6.7, 6.6],
      tcpip: [29.9, 33.6, 34.0, 22.7],
      application: [17.6, 16.7, 21.7, 41.8],
    },
  },
  'mtcp.table2': {
    source: "mTCP NSDI'14 Table 2",
    grade: 'A',
    hardware:
      '1x Xeon E5-2690 (8 cores, 2.90 GHz), 82599 10GbE; Linux 3.10.12 / MegaPipe on 3.1.3 / mTCP on 2.6.32',
    xName: 'statistic',
    x: ['min', 'mean', 'max', 'sd'],
    unit: 'ms',
    series: {
      linux_connect: [0, 36, 63164, 511.6],
      mtcp_connect: [0, 1, 500, 1.1],
      linux_processing: [0, 87, 127323, 3217],
      mtcp_processing: [1, 13, 2323, 9.7],
      linux_total: [0, 124, 127323, 3258],
      mtcp_total: [9, 14, 2348, 9.8],
    },
  },
  'fastsocket.fig4.nginx': {
    source: "Fastsocket ASPLOS'16 Fig 4",
    grade: 'C',
    hardware: '2x Xeon E5-2697 v2 (24 cores, 2.7 GHz), 82599 10GbE; base 2.6.32-431',
    xName: 'cores',
    x: [1, 4, 8, 12, 16, 20, 24],
    unit: 'k conn/s',
    series: {
      fastsocket: [23.4, 90.5, 179, 269, 346, 424, 475],
      'linux-3.13': [22, 80, 151, 215, 266, 277, 283],
      base: [22.8, 86.6, 162, 222, 220, 186, 178],
    },
  },
  'nsl.fig8': {
    source: "Non-scalable locks OLS'12 Fig 8, model peaks",
    grade: 'C',
    hardware: '48-core AMD, s=400 cycles',
    xName: 'serial fraction',
    x: [0.032, 0.004, 0.002],
    unit: 'speedup / cores',
    series: {
      peak: [5.5, 25.3, 40],
      at_cores: [7.5, 27, 41],
    },
  },
} as const satisfies Readonly<Record<string, PublishedSeries>>;

export type PublishedId = keyof typeof published;
