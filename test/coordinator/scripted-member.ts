/**
 * A member that speaks the protocol for real, over Redis and BullMQ, and makes no load: its figures are invented, its
 * faults are on order. Started as `scripted-member.js agent|server --name NAME …`, like `stampede agent|server`.
 *
 * STAMPEDE_TEST_SCRIPT names a folder; a file `ROLE-FAULT` in it is taken (removed) by the first order that finds it.
 */

import { randomBytes } from 'node:crypto';
import { existsSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'bullmq';
import { connectRedis } from '../../control/connection.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import {
  controlStream,
  coordinatorKey,
  leaseMs,
  leaseRenewalMs,
  memberKey,
  queueName,
  queuePrefix,
  reportStream,
} from '../../protocol/keys.ts';
import {
  type AttemptId,
  type ControlMessage,
  controlMessageSchema,
  type LoadCounts,
  type LoadResult,
  type Member,
  type ServerOrder,
  type ServerResult,
  type ShareOrder,
  serverOrderSchema,
  shareOrderSchema,
} from '../../protocol/messages.ts';
import { failureCauses } from '../../protocol/trial-record.ts';

const role = process.argv[2] as Member['role'];
const { values: flags } = parseArgs({
  args: process.argv.slice(3),
  strict: false,
  options: { name: { type: 'string' }, addresses: { type: 'string' } },
});
const name = String(flags.name);
const redisUrl = process.env.STAMPEDE_REDIS_URL ?? '';
const script = process.env.STAMPEDE_TEST_SCRIPT ?? '/nonexistent';
/** A thousand connections a second, half of them by nobody. */
const connectionsPerSecond = 1_000;

const redis = connectRedis(redisUrl, { name: `scripted-${name}`, blocking: true });
const blocking = connectRedis(redisUrl, { name: `scripted-control-${name}`, blocking: true });
const member: Member = {
  role,
  name,
  instance: `i-${randomBytes(6).toString('hex')}`,
  host: hostname(),
  pid: process.pid,
  cores: [0],
  allow: role === 'agent' ? ['127.0.0.1/32'] : [],
  sourceAddresses: [],
  addresses: role === 'server' ? ['127.0.0.1'] : [],
  clock: { offsetMicroseconds: 0, boundMicroseconds: 10 },
};

function isOrdered(fault: string): boolean {
  const path = join(script, `${role}-${fault}`);
  if (!existsSync(path)) return false;
  unlinkSync(path);
  return true;
}

let lastResult: string | null = null;

class Speaker {
  readonly #id: AttemptId;
  #sequence = 0;
  constructor(order: AttemptId) {
    this.#id = { run: order.run, trial: order.trial, attempt: order.attempt, epoch: order.epoch };
  }

  async say(kind: string, fields: object): Promise<void> {
    const text = JSON.stringify({ kind, ...this.#id, sender: name, sequence: ++this.#sequence, ...fields });
    if (kind === 'result') lastResult = text;
    await this.raw(text);
  }

  async raw(text: string): Promise<void> {
    await redis.xadd(reportStream(this.#id.run), '*', 'message', text);
  }

  skip(count: number): void {
    this.#sequence += count;
  }

  /** The next control message of this attempt. */
  async hear(from: { id: string }, patienceMs: number): Promise<ControlMessage | null> {
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline) {
      const read = await blocking.xread('BLOCK', 100, 'STREAMS', controlStream(this.#id.run), from.id);
      for (const [id, [, text]] of (read?.[0]?.[1] ?? []) as [string, [string, string]][]) {
        from.id = id;
        const message = controlMessageSchema.parse(JSON.parse(text));
        if (message.epoch === this.#id.epoch) return message;
      }
      if ((await redis.exists(coordinatorKey(this.#id.run))) === 0) return null;
    }
    return null;
  }
}

async function share(order: ShareOrder): Promise<void> {
  const speaker = new Speaker(order);
  if (isOrdered('say-old-result') && lastResult !== null) await speaker.raw(lastResult);
  if (isOrdered('malformed')) await sayNonsense(speaker, order);
  if (isOrdered('malformed-own')) {
    for (let index = 0; index < 120; index++) await speaker.say('report', { second: -1 });
  }
  if (isOrdered('huge')) await sayTooMuch(order);
  if (isOrdered('refuse')) {
    await speaker.say('failed', { stage: 'prepare', reason: 'the target is not allowed', final: true });
    return;
  }
  await speaker.say('prepared', { backend: 'scripted' });
  const heard = await speaker.hear({ id: '0' }, 15_000);
  if (heard?.kind !== 'start') return;
  await sleep(Math.max(0, heard.startAt / 1000 - Date.now()));
  if (isOrdered('die')) process.kill(process.pid, 'SIGKILL');
  if (isOrdered('stop')) process.kill(process.pid, 'SIGSTOP');
  if (isOrdered('lose-reports')) speaker.skip(2);
  const seconds = order.warmUpSeconds + order.measuredSeconds;
  for (let second = 0; second < Math.max(1, Math.floor(seconds)); second++) {
    await sleep(Math.min(1, seconds) * 1000);
    await speaker.say('report', { second, load: counts(connectionsPerSecond) });
  }
  if (isOrdered('never-end')) await sleep(600_000);
  const result: LoadResult = {
    counts: counts(connectionsPerSecond * order.measuredSeconds),
    completedMeanwhile: Math.round(connectionsPerSecond * order.measuredSeconds),
    lifetime: counts(connectionsPerSecond * seconds),
    measuredSeconds: order.measuredSeconds,
    histograms: { connect: histogram(), firstByte: histogram(), total: histogram() },
    cores: [{ core: 0, user: 0.1, system: 0.2, softirq: 0.1, idle: 0.6 }],
    backend: 'scripted',
    notes: {},
  };
  await speaker.say('result', { load: result });
  if (isOrdered('say-twice') && lastResult !== null) {
    await speaker.raw(lastResult);
    await speaker.say('result', { load: result });
  }
}

async function serve(order: ServerOrder): Promise<void> {
  const speaker = new Speaker(order);
  if (isOrdered('fail')) {
    await speaker.say('failed', { stage: 'prepare', reason: 'killed by SIGSEGV', final: false });
    return;
  }
  if (isOrdered(`cannot-${order.cell.variant}`)) {
    await speaker.say('failed', { stage: 'prepare', reason: 'no such program', final: true });
    return;
  }
  if (isOrdered('die')) process.kill(process.pid, 'SIGKILL');
  await speaker.say('ready', { port: 4_321, notes: {} });
  const from = { id: '0' };
  for (;;) {
    const heard = await speaker.hear(from, 30_000);
    if (heard === null || heard.kind === 'abort') return;
    if (heard.kind === 'finish') break;
  }
  const result: ServerResult = {
    measuredSeconds: order.measuredSeconds,
    cores: [{ core: 1, user: 0.1, system: 0.5, softirq: 0.2, idle: 0.2, accepted: 100 }],
    accepted: Math.round(connectionsPerSecond * order.measuredSeconds),
    lifetimeAccepted: Math.round(connectionsPerSecond * (order.warmUpSeconds + order.measuredSeconds)),
    listenOverflows: 0,
    listenDrops: 0,
    locality: null,
    cacheMisses: null,
    accept: null,
    notes: { locality: 'scripted', accept: 'scripted' },
  };
  await speaker.say('result', { server: result });
}

/** 100 MiB in one entry; a private Redis closes the connection at 1 MiB. */
async function sayTooMuch({ run }: ShareOrder): Promise<void> {
  const other = redis.duplicate({ retryStrategy: () => null, maxRetriesPerRequest: 0 });
  other.on('error', () => {});
  await other.xadd(reportStream(run), '*', 'message', Buffer.alloc(100 << 20, 0x61)).catch(() => {});
  other.disconnect();
}

/** Ten thousand messages of every kind that must be refused. */
async function sayNonsense(speaker: Speaker, order: ShareOrder): Promise<void> {
  const { run, trial, attempt, epoch } = order;
  const head = { kind: 'report', run, trial, attempt, epoch, sender: 'nobody-here', sequence: 1 };
  const kinds = [
    'not json',
    '{"kind":"report"',
    JSON.stringify({ ...head, second: -1 }),
    JSON.stringify({ ...head, second: 1e308 }),
    JSON.stringify({ ...head, second: 0 }).replace('"second":0', '"second":NaN'),
    JSON.stringify({ ...head, second: 0 }).replace('"second":0', '"__proto__":{"polluted":1},"second":0'),
    JSON.stringify({ ...head, second: 0 }),
    JSON.stringify({ ...head, second: 0, epoch: 1 }),
    '['.repeat(30_000),
    'x'.repeat(70_000),
  ];
  for (let round = 0; round < 1_000; round++) await Promise.all(kinds.map((text) => speaker.raw(text)));
}

function counts(completed: number): LoadCounts {
  const whole = Math.round(completed);
  const failed = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as LoadCounts['failed'];
  return { attempted: whole, completed: whole, failed, missed: 0 };
}

function histogram(): string {
  const latencies = new LatencyHistogram();
  for (let index = 1; index <= 100; index++) latencies.record(index * 10_000);
  return latencies.encode();
}

const renew = () => redis.set(memberKey(role, name), JSON.stringify(member), 'PX', leaseMs).catch(() => {});
await renew();
setInterval(renew, leaseRenewalMs);

const worker = new Worker(
  queueName(role, name),
  async ({ data }) =>
    role === 'agent' ? share(shareOrderSchema.parse(data)) : serve(serverOrderSchema.parse(data)),
  {
    connection: connectRedis(redisUrl, { name: `scripted-worker-${name}`, blocking: true }),
    prefix: queuePrefix,
    maxStalledCount: 0,
    concurrency: 4,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  },
);
worker.on('error', () => {});
worker.on('failed', (_job, error) => process.stderr.write(`${error.stack}\n`));
process.on('SIGTERM', () => process.exit(0));
