/**
 * The thread that keeps a member alive in the eyes of the coordinator, and load within the coordinator's reach.
 *
 * Once a second it renews the member's key, looks at the coordinator's lease of the run being served, and moves the load
 * deadline ahead if both are well. It does nothing else, so neither load nor a busy event loop can hold it up; and when
 * the whole process is stopped, it stops too, and the deadline passes. It never takes an order.
 *
 *   process ── serve(run) ──► lease thread ── renew member, GET + PTTL coordinator ──► Redis, every second
 *           ◄── serving ────               ── deadline = now + 8 s ──► shared memory ──► load threads
 *           ◄── lost ───────   (deadline passed, or another coordinator has the run)
 */

import { hostname, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Redis } from 'ioredis';
import { Failure, messageOf } from '../protocol/failure.ts';
import { coordinatorKey, leaseMs, leaseRenewalMs, memberKey } from '../protocol/keys.ts';
import { memberSchema } from '../protocol/messages.ts';
import { type ClockOffset, measureClock, monotonicNs } from './clock.ts';
import { closeRedis, connectRedis, untilReady, withDeadline } from './connection.ts';
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from './lease-messages.ts';
import { deadlineAfter, LoadDeadline } from './load-deadline.ts';

const exchangesAtStart = 9;
const exchangesLater = 5;
/** Quartz drifts by some 50 ppm: within this time by less than a round trip on a network. */
const clockEveryRenewals = 5;
const answerMs = 2_000;

/** Whoever has the name keeps it: one that was stopped for long finds a successor, and must not push it out. */
const renewScript = `
local held = redis.call('GET', KEYS[1])
if held and not string.find(held, ARGV[1], 1, true) then return held end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return ''`;

const leaveScript = `
local held = redis.call('GET', KEYS[1])
if held and string.find(held, ARGV[1], 1, true) then return redis.call('DEL', KEYS[1]) end
return 0`;

interface Served {
  readonly id: number;
  readonly run: string;
  readonly deadline: LoadDeadline;
  /** The lease's value names its holder; null until the first look. */
  holder: string | null;
  trouble: string;
}

const port = parentPort;
if (port === null) throw new Error('The lease thread was started as a program; it is a worker thread');
const { redisUrl, member } = workerData as LeaseThreadData;
const key = memberKey(member.role, member.name);

let served: Served | null = null;
let clock: ClockOffset = { offsetMicroseconds: 0, boundMicroseconds: 0 };
let renewals = 0;
let renewing = false;

function tell(message: FromLeaseThread): void {
  port?.postMessage(message);
}

/** Becomes a member, then renews until told to close. */
async function keepLease(): Promise<void> {
  raisePriority();
  const redis = connectRedis(redisUrl, {
    name: `stampede-lease-${member.name}`,
    onChange: (trouble) => tell({ kind: 'trouble', trouble }),
  });
  try {
    await untilReady(redis, redisUrl);
    clock = await measureClock(redis, exchangesAtStart);
    await join(redis);
  } catch (error) {
    redis.disconnect();
    tell({ kind: 'refused', message: messageOf(error), badInput: error instanceof Failure });
    port?.close();
    return;
  }
  tell({ kind: 'joined', clock });
  const timer = setInterval(() => void renew(redis), leaseRenewalMs);
  port?.on('message', (message: ToLeaseThread) => {
    if (message.kind === 'serve') void serve(redis, message);
    else if (message.kind === 'release') served = served?.id === message.id ? null : served;
    else void close(redis, timer);
  });
}

/** Takes the name, once nobody has it: a process that was killed holds it for 6 s, unless it is known to be dead. */
async function join(redis: Redis): Promise<void> {
  const deadline = performance.now() + leaseMs + leaseRenewalMs;
  for (;;) {
    const taken = await withDeadline(
      redis.set(key, record(), 'PX', leaseMs, 'NX'),
      answerMs,
      `Cannot join as ${member.role} "${member.name}"`,
    );
    if (taken === 'OK') return;
    const holder = await withDeadline(redis.get(key), answerMs, 'Cannot read who has the name');
    const other = parseHolder(holder);
    if (other !== null && isDead(other)) {
      await withDeadline(redis.set(key, record(), 'PX', leaseMs), answerMs, 'Cannot take the name over');
      return;
    }
    if (performance.now() > deadline) {
      const who = other === null ? 'somebody' : `process ${other.pid} on ${other.host}`;
      throw new Failure(
        `Cannot join as ${member.role} "${member.name}": ${who} has that name; wanted one that is free: give another --name`,
        2,
      );
    }
    await sleep(250);
  }
}

async function renew(redis: Redis): Promise<void> {
  endWhenPassed();
  if (renewing || redis.status !== 'ready') return;
  renewing = true;
  const serving = served;
  try {
    const askedNs = monotonicNs();
    const pipeline = redis.pipeline().eval(renewScript, 1, key, member.instance, record(), leaseMs);
    if (serving !== null) pipeline.get(coordinatorKey(serving.run)).pttl(coordinatorKey(serving.run));
    const answers = await withDeadline(pipeline.exec(), answerMs, 'Cannot renew the lease');
    const [other, holder, leftMs] = (answers ?? []).map(([error, value]) => {
      if (error !== null) throw error;
      return value;
    });
    if (isTakenOver(other)) return;
    tell({ kind: 'renewed' });
    if (serving !== null) extend(serving, askedNs, holder, leftMs);
    if (++renewals % clockEveryRenewals === 0) await measureAgain(redis);
  } catch (error) {
    if (serving !== null) serving.trouble = messageOf(error);
  } finally {
    renewing = false;
  }
}

function extend(serving: Served, askedNs: bigint, holder: unknown, leftMs: unknown): void {
  // It passed while the answer was on its way, perhaps because the whole process was stopped: that is for good.
  endWhenPassed();
  if (served !== serving) return;
  if (typeof holder !== 'string' || typeof leftMs !== 'number' || leftMs === -2) {
    serving.trouble = 'the coordinator let its lease expire';
    return;
  }
  if (serving.holder !== null && serving.holder !== holder) {
    lose(serving, 'another coordinator has taken over the run');
    return;
  }
  serving.holder = holder;
  serving.deadline.set(deadlineAfter(askedNs, leftMs === -1 ? null : leftMs));
}

async function serve(redis: Redis, order: Extract<ToLeaseThread, { kind: 'serve' }>): Promise<void> {
  const serving: Served = {
    id: order.id,
    run: order.run,
    deadline: new LoadDeadline(order.memory),
    holder: null,
    trouble: 'Redis does not answer',
  };
  // Enough for a first look, however long Redis takes to be back.
  serving.deadline.set(deadlineAfter(monotonicNs(), null));
  served = serving;
  while (served === serving && serving.holder === null) {
    await renew(redis);
    if (served === serving && serving.holder === null) await sleep(20);
  }
  if (served === serving) tell({ kind: 'serving', id: serving.id });
}

function endWhenPassed(): void {
  if (served?.deadline.hasPassed(monotonicNs()) === true) {
    lose(served, `the lease was not renewed in time: ${served.trouble}`);
  }
}

function lose(serving: Served, reason: string): void {
  serving.deadline.set(0n);
  if (served === serving) served = null;
  tell({ kind: 'lost', id: serving.id, reason });
}

function isTakenOver(held: unknown): boolean {
  if (typeof held !== 'string' || held === '') return false;
  const other = parseHolder(held);
  const who = other === null ? 'somebody' : `process ${other.pid} on ${other.host}`;
  if (served !== null) lose(served, 'another process has taken the name of this member');
  tell({
    kind: 'refused',
    message: `Cannot stay ${member.role} "${member.name}": ${who} has taken that name; wanted one name a process`,
    badInput: false,
  });
  return true;
}

async function measureAgain(redis: Redis): Promise<void> {
  clock = await measureClock(redis, exchangesLater);
  tell({ kind: 'clock', clock });
}

/** Gives the name back, so that the coordinator need not wait for the lease to expire. */
async function close(redis: Redis, timer: NodeJS.Timeout): Promise<void> {
  clearInterval(timer);
  if (redis.status === 'ready') {
    await withDeadline(redis.eval(leaveScript, 1, key, member.instance), 500, 'Cannot leave').catch(
      () => undefined,
    );
  }
  await closeRedis(redis);
  tell({ kind: 'closed' });
  port?.close();
}

function record(): string {
  return JSON.stringify({ ...member, clock });
}

function parseHolder(text: string | null): { instance: string; host: string; pid: number } | null {
  if (text === null) return null;
  try {
    return memberSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function isDead(other: { readonly host: string; readonly pid: number }): boolean {
  if (other.host !== hostname()) return false;
  try {
    process.kill(other.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** setpriority(2) with 0 means the calling thread on Linux. Without the right to it, the usual priority has to do. */
function raisePriority(): void {
  try {
    setPriority(0, -10);
  } catch {}
}

await keepLease();
