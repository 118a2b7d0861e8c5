/**
 * The Redis of a cluster for one test: docker/redis as its container has it, on a port of loopback, and one more user who
 * reads what was refused to the others.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Redis } from 'ioredis';
import { until } from '../roles/role-process.ts';

export const users = ['coordinator', 'agent', 'server'] as const;
export type User = (typeof users)[number];

export interface ClusterRedis {
  readonly port: number;
  readonly folder: string;
  url(user: User): string;
  /** Without a user: a stranger. Closed with the server. */
  connect(user?: User): Redis;
  /** What it refused since the last call, by who and what, from its own log of refusals. */
  refusals(): Promise<readonly string[]>;
  log(): string;
  stop(): Promise<void>;
}

const passwordOf = (user: User): string => `${user}-`.repeat(6);

const observer = 'user observer on >observer ~* &* +@all\n';

export async function startClusterRedis(
  environment: Readonly<Record<string, string>> = {},
  parameters: readonly string[] = [],
): Promise<ClusterRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'test-cluster-redis-'));
  const run = mkdtempSync(join(folder, 'run-'));
  const port = await freePort();
  cpSync('docker/redis', folder, { recursive: true });
  appendFileSync(join(folder, 'users.acl'), observer);
  let text = '';
  const child: ChildProcess = spawn(
    join(folder, 'start.sh'),
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...parameters],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        // From here, where Redis is not once it runs in --dir.
        STAMPEDE_REDIS_FOLDER: relative('', run),
        STAMPEDE_COORDINATOR_PASSWORD: passwordOf('coordinator'),
        STAMPEDE_AGENT_PASSWORD: passwordOf('agent'),
        STAMPEDE_SERVER_PASSWORD: passwordOf('server'),
        ...environment,
      },
    },
  );
  const killNow = () => child.kill('SIGKILL');
  process.on('exit', killNow);
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (data: string) => {
      text += data;
    });
  const connections: Redis[] = [];
  const open = (options: { username?: string; password?: string }): Redis => {
    const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, ...options });
    // Being refused is what these tests look for.
    redis.on('error', () => undefined);
    connections.push(redis);
    return redis;
  };
  await until(
    () => text.includes('Ready to accept connections') || child.exitCode !== null,
    10_000,
    () => text,
  );
  return {
    port,
    folder,
    url: (user) => `redis://${user}:${passwordOf(user)}@127.0.0.1:${port}`,
    connect: (user) => open(user === undefined ? {} : { username: user, password: passwordOf(user) }),
    refusals: async () => {
      const redis = open({ username: 'observer', password: 'observer' });
      const log = (await redis.call('ACL', 'LOG', '128')) as string[][];
      await redis.call('ACL', 'LOG', 'RESET');
      return log.map((entry) => {
        const field = (name: string) => entry[entry.indexOf(name) + 1];
        return `${field('username')}: ${field('reason')} ${field('object')}`;
      });
    },
    log: () => text,
    stop: async () => {
      for (const redis of connections) redis.disconnect();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.kill('SIGKILL')) await ended;
      process.off('exit', killNow);
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
