/**
 * Whether a Redis that is not ours can carry a run: who is let in, version, persistence, eviction. What it lacks is named,
 * with the command that changes it; nothing is changed from here.
 */

import type { Redis } from 'ioredis';
import { answersStrangers, untilReady, withDeadline } from '../../control/connection.ts';
import { parseRedisUrl, shownRedisUrl } from '../../control/redis-url.ts';
import { badInput, messageOf } from '../../protocol/failure.ts';

const answerMs = 5_000;
const oldestVersion = [6, 2] as const;

/**
 * @returns what could not be checked (its user may not ask): warnings.
 * @throws {Failure} (bad input) when it cannot be reached, refuses us, or is set up to lose what it is given.
 */
export async function checkRedis(redis: Redis, url: string): Promise<readonly string[]> {
  const shown = shownRedisUrl(url);
  await untilReady(redis, url, answerMs);
  await refuseOpenDoor(url, shown);
  let info: ReadonlyMap<string, string>;
  try {
    info = parseInfo(await withDeadline(redis.info(), answerMs, `Cannot check Redis at ${shown}`));
  } catch (error) {
    if (!/^(NOPERM|ERR unknown command)/i.test(messageOf(error))) throw badInput(messageOf(error));
    return [
      `Redis at ${shown} does not let this user ask for its settings (INFO): version ≥ 6.2, "appendonly yes" and ` +
        '"maxmemory-policy noeviction" are taken on trust',
    ];
  }
  refuseOldVersion(info, shown);
  refuseWrongSettings(info, shown);
  return [];
}

/**
 * A Redis that others reach and that answers who gives no password: whoever finds it could order load, or end a run.
 * Our own password proves nothing of that, for one Redis may have both.
 */
async function refuseOpenDoor(url: string, shown: string): Promise<void> {
  if (!parseRedisUrl(url).offLoopback || !(await answersStrangers(url, answerMs))) return;
  throw badInput(
    `Cannot use Redis at ${shown}: others than this machine reach it, and it answers without a password; wanted ` +
      '"user default off" in its ACL file, or requirepass: ACL SETUSER default off',
  );
}

function refuseOldVersion(info: ReadonlyMap<string, string>, shown: string): void {
  const version = info.get('redis_version') ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1])) return;
  throw badInput(
    `Cannot use Redis at ${shown}: its version is ${version}; wanted ${oldestVersion.join('.')} or newer.`,
  );
}

function refuseWrongSettings(info: ReadonlyMap<string, string>, shown: string): void {
  const wrong: string[] = [];
  if (info.get('redis_mode') === 'cluster') {
    throw badInput(
      `Cannot use Redis at ${shown}: it is a Redis Cluster; wanted one server (a replica behind it is fine).`,
    );
  }
  if (info.get('role') === 'slave') {
    throw badInput(
      `Cannot use Redis at ${shown}: it is a replica, which takes no writes; wanted its primary (${info.get('master_host')}:${info.get('master_port')}).`,
    );
  }
  if (info.get('aof_enabled') === '0') {
    wrong.push('appendonly is "no"; wanted "yes": CONFIG SET appendonly yes');
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    wrong.push(
      `maxmemory-policy is "${policy}"; wanted "noeviction": CONFIG SET maxmemory-policy noeviction`,
    );
  }
  if (wrong.length > 0) {
    throw badInput(
      `Cannot use Redis at ${shown}: ${wrong.join('; and ')}. Without it, orders and reports would vanish unseen.`,
    );
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
