/** A process for tests that are in another network namespace: checks the Redis of its argument as a coordinator does. */

import { closeRedis, connectRedis } from '../../control/connection.ts';
import { checkRedis } from '../../coordinator/redis/check.ts';
import { messageOf } from '../../protocol/failure.ts';

const [url = ''] = process.argv.slice(2);
const redis = connectRedis(url, { name: 'test' });
process.stdout.write(
  await checkRedis(redis, url).then(
    () => 'it will do',
    (error: unknown) => messageOf(error),
  ),
);
await closeRedis(redis);
