/** Metrics of an agent or a server, as it knows itself. */

import type { Declarations } from './declaration.ts';

const by = ['agent', 'server'] as const;

export const memberDeclarations = {
  stampede_member_info: {
    kind: 'gauge',
    unit: 'info',
    help: 'The member that this process is.',
    labels: ['member', 'role'],
    by,
  },
  stampede_member_lease_age_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since the lease was renewed: over 6 it has run out, and the coordinator has lost this member.',
    labels: [],
    by,
  },
  stampede_member_stage: {
    kind: 'gauge',
    unit: 'state',
    help: 'Where this member is in the attempt that it takes part in.',
    labels: ['stage'],
    by,
  },
  stampede_member_attempts_total: {
    kind: 'counter',
    unit: 'attempts',
    help: 'Attempts that this member took part in, by how it ended its part.',
    labels: ['attempt_outcome'],
    by,
  },
  stampede_member_core_seconds_total: {
    kind: 'counter',
    unit: 'seconds',
    help: "Time of the member's cores by mode, since the machine was started; in ticks of 10 ms.",
    labels: ['core', 'mode'],
    by,
  },
  stampede_agent_connections_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Connections that this agent made, warm-up included, by what became of them.',
    labels: ['outcome'],
    by: ['agent'],
  },
  stampede_server_accepts_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Connections that the servers under test of this host accepted; they tell it five times a second, and at their end.',
    labels: ['core'],
    by: ['server'],
  },
} as const satisfies Declarations;
