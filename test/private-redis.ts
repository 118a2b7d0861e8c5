/** A redis-server for one test, on a UNIX socket in a folder of its own: started, killed, started again, cleaned up. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis, untilReady } from '../control/connection.ts';

export interface PrivateRedis {
  readonly url: string;
  readonly socket: string;
  readonly password: string;
  /** SIGKILL, as a crash would. Data survives in the append-only file, up to the last second. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, and waits until it answers. */
  start(): Promise<void>;
  pid(): number;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export async function startPrivateRedis(extraArguments: readonly string[] = []): Promise<PrivateRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'test-redis-'));
  const socket = join(folder, 'redis.sock');
  const password = 'a password: of/tests?';
  const url = `redis+unix://:${encodeURIComponent(password)}@${socket}`;
  let child: ChildProcess | null = null;
  const killNow = () => child?.kill('SIGKILL');
  process.on('exit', killNow);

  const start = async () => {
    child = spawn(
      'redis-server',
      ['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--requirepass', password]
        .concat(['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''])
        .concat(['--maxmemory-policy', 'noeviction', ...extraArguments]),
      { stdio: 'ignore' },
    );
    const redis = connectRedis(url, { name: 'test' });
    try {
      await untilReady(redis, url, 10_000);
    } finally {
      redis.disconnect();
    }
  };
  const kill = async () => {
    const ended = child;
    child = null;
    if (ended === null || ended.exitCode !== null || ended.signalCode !== null) return;
    const exit = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill('SIGKILL');
    await exit;
    await sleep(10);
  };
  await start();
  return {
    url,
    socket,
    password,
    kill,
    start,
    pid: () => child?.pid ?? 0,
    stop: async () => {
      await kill();
      process.off('exit', killNow);
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
