/**
 * Who is there: members register under a key that expires, their lease. Here they are found, and watched while they
 * work: one whose lease is gone, or whose name another process has taken, is lost.
 *
 * While Redis is away nobody is lost: its answers are what counts, and a member gets time to renew after it is back.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { withDeadline } from '../control/connection.ts';
import { memberKey, memberPattern } from '../protocol/keys.ts';
import { type Member, maxOrderBytes, memberSchema } from '../protocol/messages.ts';

const pollMs = 250;
const callMs = 2_000;
/** A lease may be missing this long while Redis answers: members renew within a second of its return. */
const missingMs = 2_000;
const maxMembers = 1_000;

export interface Crew {
  readonly server: Member;
  readonly agents: readonly Member[];
}

export type Role = Member['role'];

/** Null when it is not there, or is not a member's record. */
export async function readMember(redis: Redis, role: Role, name: string): Promise<Member | null> {
  return parseMember(await readKey(redis, memberKey(role, name)));
}

/** Everybody who holds a lease, by name. */
export async function findMembers(redis: Redis): Promise<readonly Member[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const [next, found] = await withDeadline(
      redis.scan(cursor, 'MATCH', memberPattern, 'COUNT', 500),
      callMs,
      'Cannot look for members',
    );
    cursor = next;
    for (const key of found) keys.add(key);
  } while (cursor !== '0' && keys.size < maxMembers);
  const members = await Promise.all([...keys].map(async (key) => parseMember(await readKey(redis, key))));
  return members
    .filter((member) => member !== null)
    .sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
}

export interface Wanted {
  readonly agents: number;
  /** The names to wait for; null: the first that are there, by name (a cluster). */
  readonly names: { readonly server: string; readonly agents: readonly string[] } | null;
  /** Instances that were lost and whose lease may still stand. */
  readonly gone?: ReadonlySet<string>;
}

/** What is missing, in words, when the deadline passes; else the crew. */
export async function gatherCrew(
  redis: Redis,
  wanted: Wanted,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Crew | { readonly missing: string }> {
  const deadline = Date.now() + deadlineMs;
  let missing = 'nobody answered';
  for (;;) {
    try {
      const found = choose(await lookUp(redis, wanted), wanted);
      if ('server' in found) return found;
      missing = found.missing;
    } catch (error) {
      missing = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() >= deadline || signal.aborted) return { missing };
    await sleep(pollMs / 4, undefined, { signal }).catch(() => {});
  }
}

async function lookUp(redis: Redis, { names, gone }: Wanted): Promise<readonly Member[]> {
  const found =
    names === null
      ? await findMembers(redis)
      : await Promise.all([
          readMember(redis, 'server', names.server),
          ...names.agents.map((name) => readMember(redis, 'agent', name)),
        ]);
  return found.filter((member) => member !== null).filter(({ instance }) => !gone?.has(instance));
}

function choose(present: readonly Member[], wanted: Wanted): Crew | { readonly missing: string } {
  const [server] = present.filter(({ role }) => role === 'server');
  const agents = present.filter(({ role }) => role === 'agent').slice(0, wanted.agents);
  if (server !== undefined && agents.length === wanted.agents) return { server, agents };
  const parts = [
    ...(server === undefined ? ['no server is there'] : []),
    ...(agents.length < wanted.agents ? [`${agents.length} of ${wanted.agents} agents are there`] : []),
  ];
  return { missing: parts.join(' and ') };
}

/** Watches until `stop`; tells of each lost member once. */
export function watchCrew(
  redis: Redis,
  crew: Crew,
  onLost: (member: Member, reason: string) => void,
): { stop(): void } {
  const missingSince = new Map<string, number>();
  const lost = new Set<string>();
  let stopped = false;
  const look = async () => {
    for (const member of [crew.server, ...crew.agents]) {
      if (lost.has(member.instance)) continue;
      const now = await readMember(redis, member.role, member.name);
      if (stopped) return;
      const reason = verdict(member, now, missingSince);
      if (reason === null) continue;
      lost.add(member.instance);
      onLost(member, reason);
    }
  };
  const loop = async () => {
    while (!stopped) {
      // Without an answer nothing is known of anybody: the clocks start again.
      await look().catch(() => missingSince.clear());
      await sleep(pollMs, undefined, { ref: false });
    }
  };
  void loop();
  return {
    stop() {
      stopped = true;
    },
  };
}

function verdict(member: Member, now: Member | null, missingSince: Map<string, number>): string | null {
  if (now !== null) {
    missingSince.delete(member.instance);
    return now.instance === member.instance
      ? null
      : 'another process has taken its name: it was started again';
  }
  const since = missingSince.get(member.instance) ?? performance.now();
  missingSince.set(member.instance, since);
  return performance.now() - since < missingMs ? null : 'its lease was not renewed';
}

/** Never more of a value than a member's record may have. */
async function readKey(redis: Redis, key: string): Promise<string> {
  return withDeadline(redis.getrange(key, 0, maxOrderBytes), callMs, 'Cannot look for a member');
}

function parseMember(text: string): Member | null {
  if (text === '' || text.length > maxOrderBytes) return null;
  try {
    const parsed = memberSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
