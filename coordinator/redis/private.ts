/**
 * A redis-server of the run's own: on a UNIX socket in a folder nobody else may enter, with a password made for it.
 *
 * It listens on no port, ends when the coordinator does (after a SIGKILL too: `setpriv --pdeathsig`), and is started
 * again on the same data when it dies in mid-run. A message of more than 1 MiB is refused by Redis itself.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { badInput, messageOf, runIncomplete } from '../../protocol/failure.ts';
import { startTicksOf } from '../folder-lock.ts';
import { findProgram } from '../labs/program.ts';
import { dyingWithUs, endProcess, howItEnded, keptOn } from '../offspring.ts';

const startMs = 10_000;
const stopMs = 2_000;
const maxRestarts = 20;
/** sun_path of unix(7) holds 108 bytes, the last of them zero. */
const maxSocketPathBytes = 107;
const folderPrefix = 'stampede-redis-';

export interface PrivateRedis {
  readonly url: string;
  /** Of the server that runs now. */
  pid(): number;
  /** Ends it and removes its folder; never rejects. */
  stop(): Promise<void>;
}

export interface PrivateRedisEvents {
  /** It died and is up again. */
  onRestart(how: string): void;
  /** It died and cannot be started again: the run cannot go on. */
  onLost(error: Error): void;
}

/**
 * @param cores where it runs; none: anywhere.
 * @throws {Failure} when there is no redis-server, or it does not come up.
 */
export async function startPrivateRedis(
  events: PrivateRedisEvents,
  cores: readonly number[] = [],
): Promise<PrivateRedis> {
  const program = findProgram('redis-server');
  if (program === null) {
    throw badInput(
      'Cannot start a private Redis: redis-server is not on the PATH; wanted version 6.2 or newer. ' +
        'Install it (Debian: apt-get install redis-server), or name another with --redis URL.',
    );
  }
  await sweep(tmpdir());
  const folder = await makeFolder();
  const password = randomBytes(24).toString('hex');
  const socket = join(folder, 'redis.sock');
  const url = `redis+unix://:${password}@${socket}`;
  await writeFile(join(folder, 'redis.conf'), configuration(folder, socket, password), { mode: 0o600 });

  // When this process ends at once: its server dies with it, and leaves the folder to us.
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);

  let stopping = false;
  let restarts = 0;
  let server = launch(program, folder, cores);
  const guard = (child: ChildProcess) => {
    child.once('exit', (code, signal) => {
      if (!stopping) restart(howItEnded(code, signal)).catch((error: Error) => events.onLost(error));
    });
  };
  const restart = async (how: string) => {
    if (++restarts > maxRestarts) throw runIncomplete(`The private Redis ended ${restarts} times (${how})`);
    await rm(socket, { force: true });
    server = launch(program, folder, cores);
    guard(server);
    await untilAnswers(url, folder, server);
    if (!stopping) events.onRestart(how);
  };
  const stop = async () => {
    stopping = true;
    await endProcess(server, stopMs);
    process.off('exit', removeFolder);
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  };
  try {
    await untilAnswers(url, folder, server);
  } catch (error) {
    await stop();
    throw error;
  }
  guard(server);
  return { url, pid: () => server.pid ?? 0, stop };
}

function configuration(folder: string, socket: string, password: string): string {
  return `${[
    'port 0',
    `unixsocket "${socket}"`,
    'unixsocketperm 700',
    `dir "${folder}"`,
    `logfile "${join(folder, 'redis.log')}"`,
    'loglevel warning',
    `requirepass ${password}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory 256mb',
    'maxmemory-policy noeviction',
    // The least Redis takes; the largest message of ours is 64 KiB.
    'proto-max-bulk-len 1mb',
    'client-query-buffer-limit 4mb',
    'daemonize no',
  ].join('\n')}\n`;
}

/** In a session of its own, so that Ctrl-C at a terminal reaches the coordinator and not Redis beside it. */
function launch(program: string, folder: string, cores: readonly number[]): ChildProcess {
  const [command, ...rest] = dyingWithUs(keptOn(cores, [program, join(folder, 'redis.conf')]));
  return spawn(command as string, rest, { stdio: 'ignore', detached: true });
}

async function untilAnswers(url: string, folder: string, server: ChildProcess): Promise<void> {
  let failed: string | null = null;
  server.once('error', (error) => {
    failed = messageOf(error);
  });
  server.once('exit', (code, signal) => {
    failed = `it ${howItEnded(code, signal)}`;
  });
  // A first connection is slow to come back when the socket is not there yet: wait for the file.
  const deadline = Date.now() + startMs;
  while (failed === null && Date.now() < deadline && !(await isThere(join(folder, 'redis.sock')))) {
    await sleep(10);
  }
  if (failed !== null) throw await startFailure(folder, failed);
  const redis = connectRedis(url, { name: 'stampede-start' });
  try {
    await untilReady(redis, url, startMs);
  } catch (error) {
    throw await startFailure(folder, failed ?? messageOf(error));
  } finally {
    await closeRedis(redis);
  }
}

async function startFailure(folder: string, what: string): Promise<Error> {
  const log = await readFile(join(folder, 'redis.log'), 'utf8').catch(() => '');
  const last = log.trim().split('\n').slice(-3).join(' | ');
  return runIncomplete(`Cannot start a private Redis: ${what}${last === '' ? '' : ` (its log: ${last})`}`);
}

async function makeFolder(): Promise<string> {
  const name = `${folderPrefix}${process.pid}-${await startTicksOf(process.pid)}-`;
  const tooLong = Buffer.byteLength(join(tmpdir(), `${name}XXXXXX`, 'redis.sock')) > maxSocketPathBytes;
  // mkdtemp makes it with mode 0700.
  return mkdtemp(join(tooLong ? '/tmp' : tmpdir(), name));
}

/** Removes what coordinators left behind that were killed: nobody else would. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const [, pid, ticks] = /^stampede-redis-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || ticks === undefined) continue;
    const path = join(parent, name);
    const owner = (await stat(path).catch(() => null))?.uid;
    if (owner !== process.getuid?.() || (await startTicksOf(Number(pid))) === ticks) continue;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
