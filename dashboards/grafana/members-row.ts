/** The row of *Generators* on who makes the load and who takes it: present, held by a lease, agreed on the time. */

import { metric, rate } from './queries.ts';
import type { Row } from './specification.ts';

export const membersRow: Row = {
  title: 'Agents and servers',
  panels: [
    {
      kind: 'lines',
      title: 'Present, wanted, lost',
      description:
        'Members in the attempt under way, agents that the scenario wants, members lost in the middle of one.',
      width: 8,
      height: 8,
      unit: 'none',
      queries: [
        { expression: metric('stampede_members'), legend: '{{role}}s present' },
        { expression: metric('stampede_run_wanted_agents', 'run=~"$run"'), legend: 'agents wanted' },
        { expression: metric('stampede_lost_members_total'), legend: '{{role}}s lost so far' },
      ],
    },
    {
      kind: 'lines',
      title: 'Clock bounds',
      description:
        "By how much each member's clock may be off. Latencies never rest on it; a common start does.",
      width: 8,
      height: 8,
      unit: 's',
      queries: [
        { expression: metric('stampede_member_clock_bound_seconds'), legend: '{{member}} ({{role}})' },
      ],
    },
    {
      kind: 'lines',
      title: 'Age of leases',
      description:
        'Since each was renewed; over 6 s it has run out, and the coordinator has lost the member.',
      width: 8,
      height: 8,
      unit: 's',
      limit: { value: 6, trouble: 'above' },
      queries: [{ expression: metric('stampede_member_lease_age_seconds'), legend: '{{instance}}' }],
    },
    {
      kind: 'lines',
      title: 'Connections, as agents and servers count them',
      description: 'Live: by outcome at each agent, and accepted at each server.',
      width: 8,
      height: 8,
      unit: 'cps',
      queries: [
        {
          expression: `${rate('stampede_agent_connections_total')} > 0`,
          legend: '{{outcome}} · {{instance}}',
        },
        {
          expression: `sum by (instance) (${rate('stampede_server_accepts_total')})`,
          legend: 'accepted · {{instance}}',
        },
      ],
    },
    {
      kind: 'states',
      title: 'Stages',
      description: 'Where each member is in its attempt.',
      width: 8,
      height: 8,
      queries: [{ expression: `${metric('stampede_member_stage')} > 0`, legend: '{{instance}} · {{stage}}' }],
    },
    {
      kind: 'table',
      title: 'Members',
      description: 'Those started with --metrics, and the attempts they took part in.',
      width: 8,
      height: 8,
      unit: 'none',
      columns: { instance: 'address', member: 'name', role: 'role', attempt_outcome: 'attempts' },
      values: ['count'],
      queries: [
        {
          expression:
            `${metric('stampede_member_attempts_total')} * on (job, instance) group_left (member, role) ` +
            metric('stampede_member_info'),
        },
      ],
    },
  ],
};
