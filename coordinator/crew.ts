/** Who makes the load and who takes it: local members started for the run, or those that a cluster has. */

import type { Redis } from 'ioredis';
import { withDeadline } from '../control/connection.ts';
import { memberKey } from '../protocol/keys.ts';
import type { Closers } from './closing.ts';
import type { Lab } from './labs/lab.ts';
import { LocalMembers, localMembers, type MemberEvents } from './local-members.ts';
import { gatherCrew, type Wanted, watchCrew } from './members.ts';
import type { Plan } from './plan/plan.ts';
import type { ScheduleParts } from './schedule.ts';

/** For processes of this machine to be started (again), and for a cluster's to be there. */
const gatherMs = { local: 20_000, cluster: 60_000 } as const;
const forgetMs = 1_000;

export type CrewParts = Pick<ScheduleParts, 'gather' | 'watch' | 'replace'>;

export interface CrewWish {
  readonly run: string;
  readonly plan: Plan;
  /** Null: a cluster. */
  readonly lab: Lab | null;
  readonly agents: number;
  readonly memberCommand: readonly string[];
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly stop: AbortSignal;
}

/** Starts local members, if it is a local run; either way says how to find, watch and replace them. */
export function openCrew(wish: CrewWish, events: MemberEvents, closers: Closers): CrewParts {
  const { redis, lab, stop } = wish;
  const watch: CrewParts['watch'] = (crew, onLost) =>
    watchCrew(redis, crew, (member, reason) => onLost(member.name, member.instance, reason));
  const gatherFrom =
    (wanted: Wanted, deadlineMs: number): CrewParts['gather'] =>
    (gone) =>
      gatherCrew(redis, { ...wanted, gone }, deadlineMs, stop);
  if (lab === null) {
    return {
      watch,
      gather: gatherFrom({ agents: wish.agents, names: null }, gatherMs.cluster),
      replace: () => false,
    };
  }
  const { server, agents } = localMembers(wish.run, wish.plan, lab);
  const roles = new Map([
    [server.name, 'server' as const],
    ...agents.map(({ name }) => [name, 'agent' as const] as const),
  ]);
  const local = new LocalMembers(wish.memberCommand, wish.redisUrl, {
    ...events,
    onExit(name, how) {
      // Its process is gone for certain: nobody needs to wait until its lease runs out.
      const key = memberKey(roles.get(name) ?? 'agent', name);
      withDeadline(redis.del(key), forgetMs, 'Cannot forget a member').catch(() => {});
      events.onExit(name, how);
    },
  });
  closers.add('the local members', () => local.stop(), 6_000);
  for (const member of [server, ...agents]) local.start(member);
  const names = { server: server.name, agents: agents.map(({ name }) => name) };
  return {
    watch,
    gather: gatherFrom({ agents: agents.length, names }, gatherMs.local),
    replace: (name) => local.replace(name),
  };
}
