/** Metrics of the moment, as the coordinator sees it: what runs, who takes part, how the control plane fares. */

import { cellLabels } from '../labels.ts';
import type { Declarations } from './declaration.ts';

const by = ['coordinator'] as const;

export const liveDeclarations = {
  stampede_cell_under_way: {
    kind: 'gauge',
    unit: 'state',
    help: '1 while an attempt at a trial of the cell is under way.',
    labels: cellLabels,
    by,
  },
  stampede_reported_connections_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Connections as the agents report them every second, warm-up and void attempts included.',
    labels: [...cellLabels, 'outcome'],
    by,
  },
  stampede_members: {
    kind: 'gauge',
    unit: 'members',
    help: 'Members that take part in the attempt under way.',
    labels: ['role'],
    by,
  },
  stampede_lost_members_total: {
    kind: 'counter',
    unit: 'members',
    help: 'Members that were lost in the middle of an attempt.',
    labels: ['role'],
    by,
  },
  stampede_member_clock_bound_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: "By how much the offset of a member's clock to the control clock may be wrong.",
    labels: ['member', 'role'],
    by,
  },
  stampede_redis_up: {
    kind: 'gauge',
    unit: 'state',
    help: 'Whether Redis answered the last time it was asked.',
    labels: [],
    by,
  },
  stampede_redis_round_trip_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'A PING to Redis and back, once a second while trials run.',
    labels: [],
    by,
  },
  stampede_report_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Greatest age, in the last second, of the newest report when it was read from its stream.',
    labels: [],
    by,
  },
  stampede_stalled_jobs_total: {
    kind: 'counter',
    unit: 'jobs',
    help: 'Orders that BullMQ found stalled: taken, and not worked on any more.',
    labels: [],
    by,
  },
} as const satisfies Declarations;
